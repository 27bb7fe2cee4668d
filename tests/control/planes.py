"""Control planes without a network, for tests of their parts."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from control import settings
from control.calls.step import OnStep, tell_nobody
from control.first_keys import new_keys
from control.http.app import make_app
from control.plane import Plane, open_plane
from control.storage.migrate import migrate
from tests.control.running import TOKEN

CANARY = "canary-secret-that-must-never-be-shown"
OPERATOR_KEY = "APIoperator"


def variables(database_url: str, **more: str) -> dict[str, str]:
    """Write the variables of a control plane."""
    return {
        **new_keys(),
        "CONTROL_TOKEN": TOKEN,
        "CONTROL_DATABASE_URL": database_url,
        "OPERATOR_LIVEKIT_API_KEY": OPERATOR_KEY,
        "LAUNCHER": "none",
        **more,
    }


@asynccontextmanager
async def opened(
    database_url: str, *, on_step: OnStep = tell_nobody, **more: str
) -> AsyncIterator[Plane]:
    """Open a plane on a database that is brought to the newest step."""
    plane = open_plane(settings.parse(variables(database_url, **more)), on_step=on_step)
    try:
        await migrate(plane.database)
        yield plane
    finally:
        await plane.calls.close()
        await plane.database.close()


@asynccontextmanager
async def client(plane: Plane, token: str | None = TOKEN) -> AsyncIterator[httpx.AsyncClient]:
    """Ask the application without a socket between."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(make_app(plane), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://control", headers=headers
    ) as asking:
        yield asking


def sqlite(folder: Path) -> str:
    """Name a database file."""
    return f"sqlite:///{folder}/control.db"


def livekit(key: str = "APIacme", **more: Any) -> Mapping[str, Any]:
    """Write settings with a project of this key."""
    project = {"server_url": "wss://acme.livekit.cloud", "api_key": key, "api_secret": CANARY}
    return {"livekit": project, **more}
