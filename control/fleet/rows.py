"""One row a tenant: what the registry, the launcher and the tenant's workers say of it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from contract.records.worker_status import WorkerState, WorkerStatus
from control.fleet.plan import explain, is_blocked, next_start_at
from control.launchers.launcher import Launcher, Worker, by_tenant
from control.tenants.tenant import Tenant
from control.workers.workers import Workers


@dataclass(frozen=True)
class FleetRow:
    """One tenant's line: state of its worker, calls now, memory in bytes, what went wrong last."""

    tenant: str
    project: str
    state: str
    calls: int = 0
    max_calls: int = 0
    memory_bytes: int | None = None
    restarts: int = 0
    last_cause: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give the row as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class _WorkerLook:
    """One running worker: its status when it answers, its memory in bytes when that can be told."""

    worker: Worker
    status: WorkerStatus | None
    memory: int | None

    @property
    def state(self) -> str:
        """Name its state; before the worker serves it answers for nobody."""
        if self.status is None:
            return "starting"
        return self.status.state or "unknown"


async def rows(
    tenants: Sequence[Tenant], launcher: Launcher, workers: Workers
) -> tuple[FleetRow, ...]:
    """Look at the whole fleet once; workers of tenants that are gone are shown as well.

    Raises:
        LauncherFault: the launcher cannot tell what runs.
    """
    listed = await workers.listed()
    looks = await _look([worker for worker in listed if worker.is_live], launcher, workers)
    known, workers_of = {tenant.id: tenant for tenant in tenants}, by_tenant(listed)
    found = []
    for tenant_id in sorted(known.keys() | workers_of.keys()):
        mine = workers_of.get(tenant_id, [])
        live = [looks[worker.id] for worker in mine if worker.is_live]
        ended = [worker for worker in mine if not worker.is_live]
        found.append(_row(tenant_id, known.get(tenant_id), live, ended, launcher.kind))
    return tuple(found)


async def _look(
    live: Sequence[Worker], launcher: Launcher, workers: Workers
) -> dict[str, _WorkerLook]:
    """Ask the running workers; by their ids."""
    statuses, memories = await asyncio.gather(
        workers.statuses(live),
        asyncio.gather(*(launcher.memory_bytes(worker) for worker in live)),
    )
    asked = map(_WorkerLook, live, statuses, memories)
    return {look.worker.id: look for look in asked}


def _row(
    tenant_id: str,
    tenant: Tenant | None,
    live: Sequence[_WorkerLook],
    ended: Sequence[Worker],
    kind: str,
) -> FleetRow:
    memories = [look.memory for look in live if look.memory is not None]
    workers = [*(look.worker for look in live), *ended]
    return FleetRow(
        tenant=tenant_id,
        project=tenant.livekit.host if tenant and tenant.livekit else "",
        state=_state(tenant, live, ended, kind),
        calls=sum(look.status.calls for look in live if look.status is not None),
        max_calls=tenant.max_calls if tenant else 0,
        memory_bytes=sum(memories) if memories else None,
        restarts=max((worker.restarts for worker in workers), default=0),
        last_cause=_cause(tenant, live, ended),
    )


def _state(
    tenant: Tenant | None, live: Sequence[_WorkerLook], ended: Sequence[Worker], kind: str
) -> str:
    if live:
        states = [look.state for look in live]
        # The one that takes calls first, what drains after it.
        return " + ".join(sorted(states, key=lambda state: state == WorkerState.DRAINING))
    if tenant is None:
        return "deleted"
    if not tenant.enabled:
        return "disabled"
    if tenant.faults:
        return "faulty"
    return _absent_state(ended, kind)


def _absent_state(ended: Sequence[Worker], kind: str) -> str:
    if kind == "none":
        return "not ours to see"
    last = _last(ended)
    if last is None or last.ending is None:
        return "to be started"
    if is_blocked(last):
        return f"stopped ({last.ending.code})"
    wait = next_start_at(last) - time.time()
    return f"restarts in {wait:.0f} s" if wait > 0 else "to be restarted"


def _cause(tenant: Tenant | None, live: Sequence[_WorkerLook], ended: Sequence[Worker]) -> str:
    if tenant is not None and tenant.faults:
        return tenant.faults[0].problem
    last = _last(ended)
    if last is not None and last.ending is not None:
        return explain(last.ending)
    return next((look.worker.last_cause for look in live if look.worker.last_cause), "")


def _last(ended: Sequence[Worker]) -> Worker | None:
    return max(ended, key=lambda w: w.ending.at if w.ending else 0.0, default=None)
