"""The control plane's HTTP application: every router, behind the token."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from contract.programs import CONTROL
from control.calls.tasks import look_after
from control.http import audit, calls, health, inbound, problems, tenants
from control.http.authentication import Authentication
from control.http.request_log import RequestLog
from control.plane import Plane
from control.settings import ControlSettingsFault
from control.storage.migrate import migrate
from control.tasks import running

Lifespan = Callable[[Plane], AbstractAsyncContextManager[Any]]
ROUTERS = (tenants.router, calls.router, inbound.router, audit.router, health.router)


def make_app(plane: Plane, lifespans: Sequence[Lifespan] = ()) -> FastAPI:
    """Make the application; a request finds the plane as `request.app.state.plane`.

    Args:
        plane: the control plane's parts, closed when the application ends.
        lifespans: what else runs while the application does.

    Raises:
        ControlSettingsFault: there is no CONTROL_TOKEN.
    """
    token = plane.settings.token
    if token is None:
        raise ControlSettingsFault(f"CONTROL_TOKEN: missing; `{CONTROL} keys` makes one")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(plane.database.close)
            await migrate(plane.database)
            await stack.enter_async_context(running(look_after(plane.calls), "look after calls"))
            for more in lifespans:
                await stack.enter_async_context(more(plane))
            yield

    app = FastAPI(
        title="Control plane", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.state.plane = plane
    for router in ROUTERS:
        app.include_router(router)
    problems.install(app)
    app.add_middleware(Authentication, token=token)
    app.add_middleware(RequestLog)
    return app
