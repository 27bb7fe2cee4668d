"""The control plane's HTTP application: one factory, with room for more routers."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, FastAPI

from control.plane import Plane

Lifespan = Callable[[Plane], AbstractAsyncContextManager[None]]


def make_app(plane: Plane, routers: Sequence[APIRouter] = ()) -> FastAPI:
    """Make the application; a request finds the plane as `request.app.state.plane`."""
    app = FastAPI(title="Control plane", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.plane = plane
    for router in routers:
        app.include_router(router)
    return app
