"""A control plane whose fleet has a worker for every tenant, and tells how long it holds the loop.

`python -m tests.control.crowded serve --port N`: nothing of these workers runs, and all are ready.
For each pass of the fleet a line of JSON is appended to the file PASSES.
"""

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Generator, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from contract.records.worker_status import Readiness, WorkerState
from control import settings
from control.fleet import loop
from control.fleet.loop import Fleet
from control.fleet.service import FleetService
from control.http.app import make_app
from control.launchers.launcher import Worker
from control.launchers.none import NoLauncher
from control.launchers.worker_spec import WorkerSpec
from control.plane import open_plane
from control.settings import ControlSettings
from control.workers.workers import Workers


class EveryWorker(NoLauncher):
    """Has a worker as soon as it is told to start one."""

    kind = "process"

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}

    async def workers(self) -> tuple[Worker, ...]:
        """List them all."""
        return tuple(self._workers.values())

    async def start(self, spec: WorkerSpec, slot: int) -> Worker:
        """Have it."""
        spec_hash = spec.hash(await self.runtime())
        worker = Worker(spec.tenant, spec.tenant, spec_hash, slot, started_at=0.0)
        return self._workers.setdefault(spec.tenant, worker)


class ReadyWorkers(Workers):
    """Knows of each worker that it takes calls, without asking."""

    async def readiness(self, workers: Sequence[Worker]) -> list[Readiness]:
        """Say so."""
        return [Readiness(WorkerState.READY) for _ in workers]


class CrowdedFleet(FleetService):
    """A fleet of such workers."""

    def __init__(self, read: ControlSettings) -> None:
        super().__init__(read)
        self.launcher = EveryWorker()
        self.workers = ReadyWorkers(self.launcher)


class Turns:
    """Awaits a coroutine, and notes the CPU seconds of each turn that it has on the loop."""

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self.seconds: list[float] = []

    def __await__(self) -> Generator[Any, Any, None]:
        while True:
            began = time.thread_time()
            try:
                waits_for = self._coroutine.send(None)
            except StopIteration:
                return
            finally:
                self.seconds.append(time.thread_time() - began)
            yield waits_for


Reconcile = Callable[[Fleet], Coroutine[Any, Any, None]]


def told(reconcile: Reconcile, passes: Path) -> Reconcile:
    """Write down each pass: how many workers there are, its longest turn, all its turns."""

    @functools.wraps(reconcile)
    async def reconcile_and_tell(fleet: Fleet) -> None:
        turns = Turns(reconcile(fleet))
        await turns
        workers = len(await fleet._launcher.workers())
        line = {"workers": workers, "longest": max(turns.seconds), "all": sum(turns.seconds)}
        with passes.open("a") as file:
            file.write(json.dumps(line) + "\n")

    return reconcile_and_tell


def main(port: int) -> None:
    """Serve until killed."""
    loop._MOST_STARTING = 10_000  # all in one pass
    Fleet.reconcile = told(Fleet.reconcile, Path(os.environ["PASSES"]))  # type: ignore[assignment, method-assign]
    read = settings.read()
    fleet = CrowdedFleet(read)
    app = make_app(open_plane(read, fleet.workers), (fleet.lifespan,))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[-1]))
