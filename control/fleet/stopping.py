"""Stops what runs, for maintenance of a host: drained, or at once."""

import asyncio
import time
from collections.abc import Callable, Sequence

from control.launchers.launcher import Launcher, Worker

_POLL_SECONDS = 0.5


async def stop(
    launcher: Launcher,
    tenants: Sequence[str],
    *,
    wait_seconds: float,
    is_hurried: bool = False,
    on_change: Callable[[Sequence[Worker]], None] | None = None,
) -> tuple[Worker, ...]:
    """Drain the workers of some tenants (all when none is named), and forget ended ones.

    Args:
        launcher: who runs them.
        tenants: whose workers.
        wait_seconds: how long calls may go on before this returns.
        is_hurried: kill at once instead of draining.
        on_change: hears who still runs, whenever that changes.

    Returns:
        The workers that still run when the time is over.
    """
    ended_by = launcher.kill if is_hurried else launcher.drain
    for worker in await _live(launcher, tenants):
        await ended_by(worker)
    deadline, reported = time.monotonic() + wait_seconds, -1
    while True:
        left = await _live(launcher, tenants)
        if on_change is not None and len(left) != reported:
            on_change(left)
            reported = len(left)
        if not left or time.monotonic() > deadline:
            break
        await asyncio.sleep(_POLL_SECONDS)
    for worker in await launcher.workers():
        if not worker.is_live and _is_meant(worker, tenants):
            await launcher.remove(worker)
    return left


async def _live(launcher: Launcher, tenants: Sequence[str]) -> tuple[Worker, ...]:
    workers = await launcher.workers()
    return tuple(worker for worker in workers if worker.is_live and _is_meant(worker, tenants))


def _is_meant(worker: Worker, tenants: Sequence[str]) -> bool:
    return not tenants or worker.tenant in tenants
