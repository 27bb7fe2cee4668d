"""A registry in SQLite, a launcher and the loop over them, for tests of the fleet."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from control import settings
from control.fleet.loop import Fleet
from control.launchers import choice, configuration
from control.launchers.launcher import Launcher, LauncherSettings, Worker
from control.storage.database import Database
from control.storage.migrate import migrate
from control.storage.sealing import new_key
from control.tenants.registry import Registry, TenantRegistration
from control.workers.workers import Workers
from project.credentials import Credentials
from sandbox.child import plain_environment
from tests.workers import SILENT

DRAIN_SECONDS = 60
QUICK = {"AGENT": SILENT, "RIVAL_CHECK": "off", "PROVIDER_CHECK": "off", "CLAIM_POLICY": "off"}


class RunningFleet:
    """A control plane's fleet; `crash` ends its loop as SIGKILL would, leaving workers alone."""

    def __init__(self, variables: dict[str, str]) -> None:
        read = settings.parse(variables)
        self.variables = variables
        self.database = Database(read.database_url)
        self.registry = Registry(self.database, read)
        self.host: LauncherSettings = configuration.read(
            read.launcher.value, read.worker_image, variables
        )
        self.launcher: Launcher = choice.make(self.host)
        self.workers = Workers(self.launcher)
        self.fleet = Fleet(
            self.registry,
            self.launcher,
            self.workers,
            drain_seconds=DRAIN_SECONDS,
            interval_seconds=0.3,
        )
        self._loop: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Migrate, and start the loop."""
        await migrate(self.database)
        self._loop = asyncio.create_task(self.fleet.run(), name="fleet loop")

    async def crash(self) -> None:
        """End the loop; workers go on."""
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop
            self._loop = None

    async def close(self) -> None:
        """End the loop and the connections; workers go on."""
        await self.crash()
        await self.workers.close()
        await self.launcher.close()
        await self.database.close()

    async def clear(self) -> None:
        """Kill and forget every worker."""
        await self.crash()
        for worker in await self.launcher.workers():
            if worker.is_live:
                await self.launcher.kill(worker)
        await until(self._are_gone, "every worker gone")
        for worker in await self.launcher.workers():
            await self.launcher.remove(worker)

    async def _are_gone(self) -> bool:
        return not any(worker.is_live for worker in await self.launcher.workers())

    async def put(self, tenant: str, credentials: Credentials, **changed: Any) -> None:
        """Register or change a tenant with silent, quick workers; `changed` is of `agent`."""
        enabled = changed.pop("enabled", True)
        env = QUICK | changed.pop("env", {})
        given = {
            "livekit": {
                "server_url": credentials.url,
                "api_key": credentials.api_key,
                "api_secret": credentials.api_secret.get_secret_value(),
            },
            "openai": {"api_key": "sk-test-0123456789", "base_url": "http://127.0.0.1:9/v1"},
            "agent": {"max_calls": 2, "env": env} | changed,
        }
        await self.registry.register(TenantRegistration(tenant, enabled=enabled, settings=given))
        self.fleet.wake()

    async def remove(self, tenant: str) -> None:
        """Delete a tenant."""
        await self.registry.remove(tenant)
        self.fleet.wake()

    async def of(self, tenant: str) -> tuple[Worker, ...]:
        """List a tenant's workers, ended ones included, the oldest first."""
        found = [worker for worker in await self.launcher.workers() if worker.tenant == tenant]
        return tuple(sorted(found, key=lambda worker: worker.started_at))

    async def live(self, tenant: str) -> tuple[Worker, ...]:
        """List a tenant's running workers."""
        return tuple(worker for worker in await self.of(tenant) if worker.is_live)

    async def ready(self, tenant: str, but: str = "") -> Worker:
        """Wait until a worker of a tenant (another than `but`) is ready; give it."""
        found: list[Worker] = []

        async def is_ready() -> bool:
            candidates = [worker for worker in await self.live(tenant) if worker.id != but]
            found.extend([one for one in candidates if await state_of(one) == "ready"])
            return bool(found)

        await until(is_ready, f"a ready worker of {tenant}")
        return found[0]


def variables_for(folder: Path, **changed: str) -> dict[str, str]:
    """Give a control plane's variables for a fleet of child processes."""
    return {
        "CONTROL_DATABASE_URL": f"sqlite:///{folder / 'control.db'}",
        "CONTROL_SEALING_KEY": new_key(),
        "LAUNCHER": "process",
        "LAUNCHER_FOLDER": str(folder / "workers"),
        "DRAIN_SECONDS": str(DRAIN_SECONDS),
        "LOG_FORMAT": "json",
        **plain_environment(),
        **changed,
    }


@contextlib.asynccontextmanager
async def running_fleet(folder: Path, **changed: str) -> AsyncIterator[RunningFleet]:
    """Have a fleet with its loop running, of which nothing is left afterwards."""
    fleet = RunningFleet(variables_for(folder, **changed))
    try:
        await fleet.begin()
        yield fleet
    finally:
        await fleet.clear()
        await fleet.close()


async def state_of(worker: Worker) -> str:
    """Ask a worker for its state; empty when it does not answer."""
    return str((await ask(worker, "/readyz")).get("state", ""))


async def ask(worker: Worker, path: str) -> dict[str, Any]:
    """Ask a worker's health port; empty when it does not answer."""
    if worker.health_url is None:
        return {}
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        try:
            said: dict[str, Any] = (await client.get(worker.health_url + path)).json()
        except (httpx.HTTPError, ValueError):
            return {}
    return said


async def until(is_true: Callable[[], Awaitable[bool]], what: str, seconds: float = 90.0) -> None:
    """Wait for what only looking can tell."""
    deadline = time.monotonic() + seconds
    while not await is_true():
        assert time.monotonic() < deadline, f"not {what} after {seconds:.0f} s"
        await asyncio.sleep(0.1)


def secret(credentials: Credentials, text: str) -> Credentials:
    """Give the same credentials with another secret."""
    return Credentials(credentials.url, credentials.api_key, SecretStr(text))
