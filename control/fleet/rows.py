"""How each tenant stands: one row a tenant, from registry, launcher and the worker itself."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from control.fleet.plan import explain, is_blocked, next_start_at
from control.launchers.launcher import Launcher, Worker
from control.tenants.tenant import Tenant
from control.workers.health import WorkerHealth


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
class _Heard:
    """What was heard of one running worker."""

    worker: Worker
    status: Mapping[str, Any] | None
    memory: int | None


async def rows(
    tenants: Sequence[Tenant], launcher: Launcher, health: WorkerHealth
) -> tuple[FleetRow, ...]:
    """Look at the whole fleet once; workers of tenants that are gone are shown as well.

    Raises:
        LauncherFault: the launcher cannot tell what runs.
    """
    workers = await launcher.workers()
    live = [worker for worker in workers if worker.is_live]
    heard = await asyncio.gather(*(_hear(worker, launcher, health) for worker in live))
    known = {tenant.id: tenant for tenant in tenants}
    found = []
    for tenant_id in sorted({*known, *(worker.tenant for worker in workers)}):
        ended = [w for w in workers if w.tenant == tenant_id and not w.is_live]
        mine = [one for one in heard if one.worker.tenant == tenant_id]
        found.append(_row(tenant_id, known.get(tenant_id), mine, ended, launcher.kind))
    return tuple(found)


async def _hear(worker: Worker, launcher: Launcher, health: WorkerHealth) -> _Heard:
    status, memory = await asyncio.gather(health.status(worker), launcher.memory_bytes(worker))
    return _Heard(worker, status, memory)


def _row(
    tenant_id: str,
    tenant: Tenant | None,
    heard: Sequence[_Heard],
    ended: Sequence[Worker],
    kind: str,
) -> FleetRow:
    statuses = [one.status for one in heard if one.status is not None]
    memories = [one.memory for one in heard if one.memory is not None]
    workers = [*(one.worker for one in heard), *ended]
    return FleetRow(
        tenant=tenant_id,
        project=tenant.livekit.host if tenant and tenant.livekit else "",
        state=_state(tenant, heard, ended, kind),
        calls=sum(int(status.get("calls", 0)) for status in statuses),
        max_calls=tenant.max_calls if tenant else 0,
        memory_bytes=sum(memories) if memories else None,
        restarts=max((worker.restarts for worker in workers), default=0),
        last_cause=_cause(tenant, heard, ended),
    )


def _state(
    tenant: Tenant | None, heard: Sequence[_Heard], ended: Sequence[Worker], kind: str
) -> str:
    if heard:
        said = [str(one.status.get("state")) if one.status else "starting" for one in heard]
        # The one that takes calls first, what drains after it.
        return " + ".join(sorted(said, key=lambda state: state == "draining"))
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


def _cause(tenant: Tenant | None, heard: Sequence[_Heard], ended: Sequence[Worker]) -> str:
    if tenant is not None and tenant.faults:
        return tenant.faults[0].problem
    last = _last(ended)
    if last is not None and last.ending is not None:
        return explain(last.ending)
    return next((one.worker.last_cause for one in heard if one.worker.last_cause), "")


def _last(ended: Sequence[Worker]) -> Worker | None:
    return max(ended, key=lambda w: w.ending.at if w.ending else 0.0, default=None)
