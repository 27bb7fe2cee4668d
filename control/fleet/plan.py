"""What to do so that what runs is what should run: pure rules over one tenant's workers."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from contract.exits import ExitCode
from contract.limits import STOP_GRACE_SECONDS
from control.launchers.launcher import Worker, WorkerExit

_FIRST_DELAY_SECONDS = 2.0
_LONGEST_DELAY_SECONDS = 300.0
# A worker that ran this long before it ended begins its back-off anew.
_QUIET_SECONDS = 600.0


@dataclass(frozen=True)
class StartWorker:
    """Start a worker in a slot of the tenant's state that no running worker uses."""

    slot: int
    restarts: int = 0
    failures: int = 0
    last_cause: str = ""


class Verb(StrEnum):
    """What may be done to a worker that is there."""

    DRAIN = "drain"
    KILL = "kill"
    REMOVE = "remove"


@dataclass(frozen=True)
class ActOnWorker:
    """One thing to do to one worker."""

    verb: Verb
    worker: Worker


FleetStep = StartWorker | ActOnWorker


def plan(
    spec_hash: str | None,
    workers: Sequence[Worker],
    ready: frozenset[str],
    *,
    now: float,
    drain_seconds: float,
) -> tuple[FleetStep, ...]:
    """Plan one tenant's next steps, in order.

    Args:
        spec_hash: of the spec that a worker should run by; None when none should run.
        workers: the tenant's workers, ended ones included.
        ready: ids of those that have been ready to take calls.
        now: Unix seconds.
        drain_seconds: how long a draining worker may take before it is killed.
    """
    live = [worker for worker in workers if worker.is_live]
    overdue = now - drain_seconds - STOP_GRACE_SECONDS
    kills = [
        ActOnWorker(Verb.KILL, worker)
        for worker in live
        if worker.draining_since is not None and worker.draining_since < overdue
    ]
    serving = [worker for worker in live if worker.draining_since is None]
    if spec_hash is None:
        return (*kills, *(_drains(serving)), *_removals(workers, keep=None))
    current = sorted(
        (worker for worker in serving if worker.spec_hash == spec_hash), key=lambda w: w.started_at
    )
    others = [worker for worker in serving if worker.spec_hash != spec_hash]
    if current:
        # Two of the same come from two control planes at once; the older one stays.
        outdated = others if current[0].id in ready else []
        return (*kills, *_drains([*current[1:], *outdated]), *_removals(workers, keep=None))
    last = last_ended(workers, spec_hash)
    start = _start(last, workers, now)
    # The last one of this spec stays, to be shown and counted from, until its successor runs.
    return (*kills, *start, *_removals(workers, keep=last))


def last_ended(workers: Sequence[Worker], spec_hash: str) -> Worker | None:
    """Find the last worker of this spec that ended by itself."""
    ended = [worker for worker in workers if worker.ending and worker.spec_hash == spec_hash]
    return max(ended, key=lambda worker: worker.ending.at if worker.ending else 0.0, default=None)


def is_blocked(worker: Worker) -> bool:
    """Tell whether another start of the same would end the same way."""
    return worker.ending is not None and _is_permanent(worker.ending.code)


def next_start_at(worker: Worker) -> float:
    """Tell when an ended worker may be started again (Unix seconds).

    The jitter follows from the worker's id: every look at it, and every control plane, agrees.
    """
    if worker.ending is None:
        return 0.0
    longest = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0 ** _failures(worker))
    return worker.ending.at + longest * random.Random(worker.id).uniform(0.5, 1.0)


def explain(ending: WorkerExit) -> str:
    """Say in a line how a worker ended."""
    if ending.code is None:
        words = "ended unseen"
    elif ending.code in tuple(ExitCode):
        words = f"exit {ending.code} {ExitCode(ending.code).name.lower().replace('_', '-')}"
    else:
        words = f"exit {ending.code}"
    return f"{words}: {ending.cause}" if ending.cause else words


def _is_permanent(code: int | None) -> bool:
    return code in tuple(ExitCode) and ExitCode(code or 0).is_permanent


def _failures(worker: Worker) -> int:
    ran = worker.ending.at - worker.started_at if worker.ending else 0.0
    return 0 if ran >= _QUIET_SECONDS else worker.failures


def _start(last: Worker | None, workers: Sequence[Worker], now: float) -> tuple[StartWorker, ...]:
    slot = _free_slot(workers)
    if last is None or last.ending is None:
        restarts = max((worker.restarts for worker in workers), default=0)
        return (StartWorker(slot, restarts),)
    if is_blocked(last) or now < next_start_at(last):
        return ()
    return (
        StartWorker(
            slot,
            restarts=last.restarts + 1,
            failures=min(_failures(last) + 1, 16),
            last_cause=explain(last.ending),
        ),
    )


def _free_slot(workers: Sequence[Worker]) -> int:
    """Choose the lowest slot that nobody writes to: what a dead worker left there is sent on."""
    taken = {worker.slot for worker in workers if worker.is_live}
    return next(slot for slot in range(len(taken) + 1) if slot not in taken)


def _drains(workers: Sequence[Worker]) -> list[ActOnWorker]:
    return [ActOnWorker(Verb.DRAIN, worker) for worker in workers]


def _removals(workers: Sequence[Worker], keep: Worker | None) -> list[ActOnWorker]:
    return [ActOnWorker(Verb.REMOVE, w) for w in workers if not w.is_live and w != keep]
