"""The measurements, each on one worker and the same for both."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

from bench.load.caller import count_joined_rooms, end_calls, send_dispatch, start_calls
from bench.load.cpu_load import full_cpu_load
from bench.results.result import OURS, Result
from bench.scale import Scale
from bench.workers.worker import BenchSetup, MeasuredWorker, WorkerKind
from project.connection import Project
from project.rooms import delete_room

_HOUR = 3600.0
_MINUTE = 60.0
_PAUSE_SECONDS = 4.0
_PASSING_AT_ONCE = 5
_BURSTS = ("burst_small", "burst_large")


@dataclass(frozen=True)
class Benchmark:
    """All measurements of one run, and what they share."""

    setup: BenchSetup
    scale: Scale
    result: Result
    voice: np.ndarray

    async def measure_voice(self, kind: WorkerKind) -> None:
        """Measure start, rest, calls with full voice sessions, and rest again."""
        with kind.running(self.setup, "bench") as worker:
            self.result.add("start", kind.name, worker.ready_after)
            if kind.name == OURS:
                self.result.add("proven", kind.name, worker.proven_after)
            rest_mib = await self._measure_rest(kind, worker)
            processes_at_rest = worker.tree.processes()
            async with Project(self.setup.credentials) as project:
                await self._measure_first_audio(kind, worker, project)
                for number in self.scale.waves:
                    await self._measure_wave(kind, worker, project, number, rest_mib)
                await self._make_passing_calls(worker, project)
            # A call is over when its process is: an agent that still speaks is let finish for 2 s.
            await worker.tree.wait_until_at_most(processes_at_rest)
            after_calls_mib = await worker.tree.settled_pss_mib()
            self.result.add("after_calls", kind.name, after_calls_mib / rest_mib)

    async def measure_silent(self, kind: WorkerKind) -> None:
        """Measure how many dispatches are answered: in bursts, and without free CPU."""
        async with Project(self.setup.credentials) as project:
            with kind.running(self.setup, "burst", is_silent=True) as worker:
                for metric, number in zip(_BURSTS, self.scale.bursts, strict=True):
                    await self._measure_burst(metric, kind, worker, project, number)
                    await worker.tree.settled_pss_mib()
                with full_cpu_load():
                    await self._measure_under_load(kind, worker, project)

    async def measure_tenants(self, kind: WorkerKind) -> None:
        """Measure the memory of idle tenants side by side, and what each further one adds."""
        with ExitStack() as running:
            workers: list[MeasuredWorker] = []
            memory: dict[int, float] = {}
            for number in self.scale.tenants:
                while len(workers) < number:
                    tenant = f"tenant-{len(workers)}"
                    workers.append(running.enter_context(kind.running(self.setup, tenant)))
                memory[number] = sum([await worker.tree.settled_pss_mib() for worker in workers])
                self.result.add_point("memory_by_tenants", kind.name, number, memory[number])
            first, last = min(memory), _nearest(memory, 10)
            memory_each = (memory[last] - memory[first]) / (last - first)
            self.result.add("further_tenant", kind.name, memory_each)

    async def _measure_rest(self, kind: WorkerKind, worker: MeasuredWorker) -> float:
        rest_mib = await worker.tree.settled_pss_mib()
        self.result.add("rest_memory", kind.name, rest_mib)
        with self._cpu_of(worker) as cpu_use:
            await asyncio.sleep(self.scale.rest_seconds)  # rest is what is measured
        self.result.add("rest_cpu", kind.name, cpu_use.per_second * _HOUR)
        return rest_mib

    async def _measure_first_audio(
        self, kind: WorkerKind, worker: MeasuredWorker, project: Project
    ) -> None:
        for _ in range(self.scale.single_calls):
            callers = await start_calls(project, worker, 1)
            self.result.add(
                "first_audio", kind.name, *(caller.waited_seconds for caller in callers)
            )
            await end_calls(project, callers)
            await worker.tree.settled_pss_mib()

    async def _measure_wave(
        self,
        kind: WorkerKind,
        worker: MeasuredWorker,
        project: Project,
        number: int,
        rest_mib: float,
    ) -> None:
        callers = await start_calls(project, worker, number)
        answered = sum(caller.was_answered for caller in callers)
        waits = [caller.waited_seconds for caller in callers]
        self.result.add_point("first_audio_by_calls", kind.name, number, *waits)
        if number == self.scale.many:
            self.result.add("first_audio_many", kind.name, *waits)
            self.result.add("answered_many", kind.name, answered / number)
        for caller in callers:
            await caller.talk(self.voice, _PAUSE_SECONDS)
        with self._cpu_of(worker) as cpu_use:
            await asyncio.sleep(self.scale.talk_seconds)  # talk is what is measured
        if answered:
            calls_mib = worker.tree.pss_mib()
            self.result.add_point("memory_by_calls", kind.name, answered, calls_mib)
            self.result.add("call_memory", kind.name, (calls_mib - rest_mib) / answered)
            self.result.add("talk_cpu", kind.name, cpu_use.per_second * _MINUTE / answered)
        await end_calls(project, callers)
        await worker.tree.settled_pss_mib()

    async def _make_passing_calls(self, worker: MeasuredWorker, project: Project) -> None:
        ended = 0
        while ended < self.scale.passing_calls:
            number = min(_PASSING_AT_ONCE, self.scale.passing_calls - ended)
            await end_calls(project, await start_calls(project, worker, number))
            ended += number

    async def _measure_burst(
        self,
        metric: str,
        kind: WorkerKind,
        worker: MeasuredWorker,
        project: Project,
        number: int,
    ) -> None:
        rooms = await asyncio.gather(*(send_dispatch(project, worker) for _ in range(number)))
        answered = await count_joined_rooms(project, list(rooms), self.scale.patience_seconds)
        self.result.add(metric, kind.name, answered / number)
        await asyncio.gather(*(delete_room(project, room) for room in rooms))

    async def _measure_under_load(
        self, kind: WorkerKind, worker: MeasuredWorker, project: Project
    ) -> None:
        answered = 0
        for _ in range(self.scale.loaded_calls):
            room = await send_dispatch(project, worker)
            answered += await count_joined_rooms(project, [room], self.scale.patience_seconds)
            await delete_room(project, room)
        self.result.add("under_load", kind.name, answered / self.scale.loaded_calls)

    @contextmanager
    def _cpu_of(self, worker: MeasuredWorker) -> Iterator["CpuUse"]:
        cpu_use, began_at = CpuUse(), time.monotonic()
        cpu_before = worker.tree.cpu_seconds()
        yield cpu_use
        cpu_use.per_second = (worker.tree.cpu_seconds() - cpu_before) / (
            time.monotonic() - began_at
        )


@dataclass
class CpuUse:
    """CPU seconds per second, known when the block is over."""

    per_second: float = 0.0


def _nearest(memory: dict[int, float], number: int) -> int:
    return min(memory, key=lambda measured: abs(measured - number))
