"""The control plane's HTTP application: one factory, with room for more routers."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI

from control.calls.upkeep import look_after
from control.http import calls, health, inbound, problems, tenants
from control.http.door import Door
from control.migrate import migrate
from control.plane import Plane
from control.settings import SettingsFault
from control.tasks import running

Lifespan = Callable[[Plane], AbstractAsyncContextManager[Any]]
ROUTERS = (tenants.router, calls.router, inbound.router, health.router)


def make_app(
    plane: Plane, routers: Sequence[APIRouter] = (), lifespans: Sequence[Lifespan] = ()
) -> FastAPI:
    """Make the application; a request finds the plane as `request.app.state.plane`.

    Args:
        plane: the control plane's parts, closed when the application ends.
        routers: more routes, behind the same token.
        lifespans: what else runs while the application does.

    Raises:
        SettingsFault: there is no CONTROL_TOKEN.
    """
    token = plane.settings.token
    if token is None:
        raise SettingsFault("CONTROL_TOKEN: missing; `python -m control keys` makes one")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(plane.database.close)
            await migrate(plane.database)
            await stack.enter_async_context(running(look_after(plane.desk), "look after calls"))
            for more in lifespans:
                await stack.enter_async_context(more(plane))
            yield

    app = FastAPI(
        title="Control plane", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.state.plane = plane
    for router in (*ROUTERS, *routers):
        app.include_router(router)
    problems.install(app)
    app.add_middleware(Door, token=token)
    return app
