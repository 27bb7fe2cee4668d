"""The reconciling loop: looks at what runs, looks at what should, and takes the next steps."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

from control.fleet.plan import ActOnWorker, FleetStep, StartWorker, Verb, explain, is_blocked, plan
from control.launchers.launcher import Launcher, LauncherFault, Worker, by_tenant
from control.launchers.worker_spec import WorkerSpec
from control.storage.database import DatabaseUnreachable
from control.tasks import one_by_one
from control.tenants.tenant import Tenant
from control.workers.workers import Workers

_log = logging.getLogger(__name__)
_INTERVAL_SECONDS = 2.0
# A host full of tenants that start all at once would start none in time.
_MOST_STARTING = 8
_STARTING_SECONDS = 60.0
_COMPLAINT_SECONDS = 60.0


class KnowsTenants(Protocol):
    """The part of the registry that the loop reads."""

    async def tenants(self) -> Sequence[Tenant]:
        """List all tenants, faulty ones included."""
        ...


async def alone() -> bool:
    """Lead: there is no other control plane."""
    return True


class Fleet:
    """Owns nothing that must survive it: whatever it knows is read from what runs.

    Of several control planes only the one that leads takes steps.
    """

    def __init__(
        self,
        registry: KnowsTenants,
        launcher: Launcher,
        workers: Workers,
        *,
        drain_seconds: float,
        interval_seconds: float = _INTERVAL_SECONDS,
        leads: Callable[[], Awaitable[bool]] = alone,
    ) -> None:
        self._registry = registry
        self._leads = leads
        self._launcher, self._workers = launcher, workers
        self._drain_seconds = drain_seconds
        self._interval_seconds = interval_seconds
        self._ready: frozenset[str] = frozenset()
        self._blocked: frozenset[str] = frozenset()
        self._complained: dict[str, float] = {}
        self._is_blind = False
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Reconcile until cancelled; workers go on when it ends."""
        while True:
            await self._attempt()
            await self._pause()

    def wake(self) -> None:
        """Look now, for the registry has changed."""
        self._wake.set()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._interval_seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    async def _attempt(self) -> None:
        try:
            await self.reconcile()
            if self._is_blind:
                _log.info("the fleet can be looked at again")
            self._is_blind = False
        except (LauncherFault, DatabaseUnreachable) as fault:
            self._is_blind = True
            self._complain("the fleet cannot be looked at", fault)
        except Exception:  # noqa: BLE001 - the edge of a task that must outlive one bad look
            _log.exception("the fleet was left as it is; the next look comes soon")

    async def reconcile(self) -> None:
        """Look once, and take every step that is due."""
        if self._launcher.kind == "none" or not await self._leads():
            return
        tenants = await self._registry.tenants()
        served = one_by_one(tenant for tenant in tenants if tenant.is_served)
        specs = {tenant.id: worker_spec(tenant) async for tenant in served}
        # A fault in the registry is a person's to mend; until then what runs goes on.
        kept = {tenant.id for tenant in tenants if tenant.enabled and tenant.faults}
        runtime = await self._launcher.runtime()
        workers = await self._launcher.workers()
        await self._notice_ready(workers)
        self._tell_blocked(workers)
        may_start = _MOST_STARTING - sum(self._is_starting(worker) for worker in workers)
        workers_of = by_tenant(workers)
        async for tenant_id in one_by_one(sorted((specs.keys() | workers_of.keys()) - kept)):
            spec = specs.get(tenant_id)
            steps = plan(
                spec.hash(runtime) if spec else None,
                workers_of.get(tenant_id, ()),
                self._ready,
                now=time.time(),
                drain_seconds=self._drain_seconds,
            )
            may_start -= await self._take(steps, spec, may_start)

    def _is_starting(self, worker: Worker) -> bool:
        is_young = time.time() - worker.started_at < _STARTING_SECONDS
        return worker.is_live and is_young and worker.id not in self._ready

    async def _notice_ready(self, workers: Sequence[Worker]) -> None:
        """Ask those that start; who has been ready once is not asked again."""
        asked = [w for w in workers if w.is_live and w.id not in self._ready]
        answers = await self._workers.readiness(asked)
        ready = {w.id for w, readiness in zip(asked, answers, strict=True) if readiness.takes_calls}
        self._ready = (self._ready | ready) & {w.id for w in workers}

    def _tell_blocked(self, workers: Sequence[Worker]) -> None:
        blocked = {w.id: w for w in workers if is_blocked(w)}
        for worker_id in blocked.keys() - self._blocked:
            worker = blocked[worker_id]
            if worker.ending:
                _log.error("tenant %s is not restarted: %s", worker.tenant, explain(worker.ending))
        self._blocked = frozenset(blocked)

    async def _take(
        self, steps: Sequence[FleetStep], spec: WorkerSpec | None, may_start: int
    ) -> int:
        """Take one tenant's steps; a fault of one tenant's leaves the others alone."""
        started = 0
        try:
            for step in steps:
                if isinstance(step, ActOnWorker):
                    await self._act(step)
                elif spec is not None and started < may_start:
                    await self._start(step, spec)
                    started += 1
        except LauncherFault as fault:
            self._complain("a step was not taken", fault)
        return started

    def _complain(self, what: str, fault: LauncherFault | DatabaseUnreachable) -> None:
        """Log a fault once in a while: the loop meets the same one at every look."""
        complaint, now = f"{what}: {fault} ({fault.hint})", time.monotonic()
        self._complained = {
            text: at for text, at in self._complained.items() if now - at <= _COMPLAINT_SECONDS
        }
        if complaint not in self._complained:
            self._complained[complaint] = now
            _log.error(complaint)

    async def _start(self, step: StartWorker, spec: WorkerSpec) -> None:
        counted = replace(
            spec, restarts=step.restarts, failures=step.failures, last_cause=step.last_cause
        )
        worker = await self._launcher.start(counted, step.slot)
        _log.info("tenant %s: started %s, restarts %d", worker.tenant, worker.id, step.restarts)

    async def _act(self, act: ActOnWorker) -> None:
        if act.verb is Verb.DRAIN:
            await self._launcher.drain(act.worker)
        elif act.verb is Verb.KILL:
            await self._launcher.kill(act.worker)
        else:
            await self._launcher.remove(act.worker)
        _log.info("tenant %s: %s %s", act.worker.tenant, act.verb.value, act.worker.id)


def worker_spec(tenant: Tenant) -> WorkerSpec:
    """Write what a launcher needs to start a tenant's worker."""
    config = tenant.agent_config_file()
    files = {} if config is None else {"AGENT_CONFIG": config}
    return WorkerSpec(tenant=tenant.id, variables=tenant.variables(), files=files)
