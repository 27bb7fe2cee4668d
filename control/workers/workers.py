"""The tenants' running workers, as whoever launches them can ask them now."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from control.launchers.launcher import Launcher, LauncherFault, Worker
from control.workers.health import WorkerHealth
from control.workers.status import WorkersStatus

# Many calls may ask at once; what runs does not change faster than this.
_FRESH_SECONDS = 0.5


class Workers:
    """Answers for calls and audits: how the workers of one tenant stand."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._health = WorkerHealth()
        self._listed: tuple[Worker, ...] = ()
        self._listed_at = float("-inf")
        self._lock = asyncio.Lock()

    async def standing(self, tenant_id: str) -> WorkersStatus:
        """Ask each of a tenant's running workers; never raises, answers in about a second."""
        if self._launcher.kind == "none":
            return WorkersStatus(can_be_asked=False)
        try:
            live = [w for w in await self.all() if w.tenant == tenant_id and w.is_live]
        except LauncherFault:
            return WorkersStatus(can_be_asked=False)
        said = await asyncio.gather(*(self._health.status(worker) for worker in live))
        statuses = tuple(status for status in said if status is not None)
        return WorkersStatus(can_be_asked=True, running=len(live), statuses=statuses)

    async def worker_status(self, tenant_id: str) -> Mapping[str, Any] | None:
        """Give the /status of the worker that takes the tenant's calls, a draining one last."""
        statuses = (await self.standing(tenant_id)).statuses
        return min(statuses, key=lambda s: s.get("state") == "draining", default=None)

    async def all(self) -> tuple[Worker, ...]:
        """List every worker, at most half a second old.

        Raises:
            LauncherFault: the launcher cannot tell now.
        """
        async with self._lock:
            if time.monotonic() - self._listed_at > _FRESH_SECONDS:
                self._listed = await self._launcher.workers()
                self._listed_at = time.monotonic()
            return self._listed

    async def close(self) -> None:
        """Close the connections."""
        await self._health.close()
