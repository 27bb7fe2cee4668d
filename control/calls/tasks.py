"""What a control plane does for its calls while it runs: renews leases, sweeps, forgets."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from control.calls.service import CallService
from control.storage.database import DatabaseUnreachable

_log = logging.getLogger(__name__)
_RENEW_EVERY_SECONDS = 5.0
_SWEEP_EVERY_SECONDS = 2.0
_FORGET_EVERY_SECONDS = 60.0


async def look_after(service: CallService) -> None:
    """Run until cancelled; then leave every call to whoever comes next.

    Each has a task of its own: whatever a sweep waits for, the leases are renewed.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            for name, seconds, work in (
                ("renew the leases of calls", _RENEW_EVERY_SECONDS, service.leases.renew),
                ("sweep for calls without an owner", _SWEEP_EVERY_SECONDS, service.recovery.sweep),
                ("forget old calls", _FORGET_EVERY_SECONDS, service.retention.forget),
            ):
                tasks.create_task(_repeat(name, seconds, work), name=name)
    finally:
        await service.close()


async def _repeat(name: str, seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
    while True:
        try:
            await work()
        except DatabaseUnreachable as fault:
            _log.error("calls are not looked after (%s): %s (%s)", name, fault, fault.hint)
        except Exception:  # noqa: BLE001 - the edge of a task that must outlive one bad turn
            _log.exception("calls were not looked after this time (%s)", name)
        await asyncio.sleep(seconds)
