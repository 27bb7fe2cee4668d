"""Asks the workers for many calls at once as if for one."""

import asyncio
import time

from control.workers.status import AsksWorkers, WorkersStatus

_FRESH_SECONDS = 0.4


class WorkersStatusCache:
    """Remembers each tenant's standing for a moment, and asks once where many want to know."""

    def __init__(self, workers: AsksWorkers) -> None:
        self._workers = workers
        self._asked: dict[str, tuple[float, asyncio.Task[WorkersStatus]]] = {}

    async def of(self, tenant_id: str) -> WorkersStatus:
        """Say how a tenant's workers stand; at most 0.4 s old."""
        at, task = self._asked.get(tenant_id, (float("-inf"), None))
        if task is None or time.monotonic() - at > _FRESH_SECONDS:
            task = asyncio.create_task(
                self._workers.standing(tenant_id), name=f"ask the workers of {tenant_id}"
            )
            self._asked[tenant_id] = (time.monotonic(), task)
            task.add_done_callback(lambda _: self._forget_later(tenant_id))
        return await asyncio.shield(task)

    def _forget_later(self, tenant_id: str) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(_FRESH_SECONDS, self._forget, tenant_id)

    def _forget(self, tenant_id: str) -> None:
        at, _ = self._asked.get(tenant_id, (0.0, None))
        if time.monotonic() - at >= _FRESH_SECONDS:
            self._asked.pop(tenant_id, None)
