"""The measurements, each on one worker and the same for both."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

from bench.neighbour import busy_neighbour
from bench.phone import dial_all, hang_up_all, send_dispatch, wait_for_agents
from bench.result import OURS, Result
from bench.scale import Scale
from bench.subject import BenchSubject, MeasuredWorker, Surroundings
from project.connection import Project
from project.rooms import delete_room

_HOUR = 3600.0
_MINUTE = 60.0
_PAUSE_SECONDS = 4.0
_PASSING_AT_ONCE = 5
_BURSTS = ("burst_small", "burst_large")


@dataclass(frozen=True)
class Bench:
    """What every measurement uses."""

    surroundings: Surroundings
    scale: Scale
    result: Result
    voice: np.ndarray

    async def measure_voice(self, subject: BenchSubject) -> None:
        """Measure start, rest, calls with full voice sessions, and rest again."""
        with subject.running(self.surroundings, "bench") as worker:
            self.result.add("start", subject.name, worker.ready_after)
            if subject.name == OURS:
                self.result.add("proven", subject.name, worker.proven_after)
            at_rest = await self._measure_rest(subject, worker)
            resting = worker.tree.processes()
            async with Project(self.surroundings.credentials) as project:
                await self._measure_first_audio(subject, worker, project)
                for number in self.scale.waves:
                    await self._measure_wave(subject, worker, project, number, at_rest)
                await self._pass_calls(worker, project)
            # A call is gone when its process is: whoever speaks to the end is heard for 2 s more.
            await worker.tree.shrinks_to(resting)
            after = await worker.tree.settled_pss_mib()
            self.result.add("after_calls", subject.name, after / at_rest)

    async def measure_silent(self, subject: BenchSubject) -> None:
        """Measure how many dispatches are answered: in bursts, and beside a busy neighbour."""
        async with Project(self.surroundings.credentials) as project:
            with subject.running(self.surroundings, "burst", is_silent=True) as worker:
                for metric, number in zip(_BURSTS, self.scale.bursts, strict=True):
                    await self._measure_burst(metric, subject, worker, project, number)
                    await worker.tree.settled_pss_mib()
                with busy_neighbour():
                    await self._measure_under_load(subject, worker, project)

    async def measure_tenants(self, subject: BenchSubject) -> None:
        """Measure the memory of idle tenants side by side, and what each further one adds."""
        with ExitStack() as running:
            workers: list[MeasuredWorker] = []
            memory: dict[int, float] = {}
            for number in self.scale.tenants:
                while len(workers) < number:
                    tenant = f"tenant-{len(workers)}"
                    workers.append(
                        running.enter_context(subject.running(self.surroundings, tenant))
                    )
                memory[number] = sum([await worker.tree.settled_pss_mib() for worker in workers])
                self.result.add_point("memory_by_tenants", subject.name, number, memory[number])
            first, last = min(memory), _nearest(memory, 10)
            each = (memory[last] - memory[first]) / (last - first)
            self.result.add("further_tenant", subject.name, each)

    async def _measure_rest(self, subject: BenchSubject, worker: MeasuredWorker) -> float:
        at_rest = await worker.tree.settled_pss_mib()
        self.result.add("rest_memory", subject.name, at_rest)
        with self._cpu_of(worker) as burnt:
            await asyncio.sleep(self.scale.rest_seconds)  # rest is what is measured
        self.result.add("rest_cpu", subject.name, burnt.per_second * _HOUR)
        return at_rest

    async def _measure_first_audio(
        self, subject: BenchSubject, worker: MeasuredWorker, project: Project
    ) -> None:
        for _ in range(self.scale.single_calls):
            phones = await dial_all(project, worker, 1)
            self.result.add("first_audio", subject.name, *(p.waited_seconds for p in phones))
            await hang_up_all(project, phones)
            await worker.tree.settled_pss_mib()

    async def _measure_wave(
        self,
        subject: BenchSubject,
        worker: MeasuredWorker,
        project: Project,
        number: int,
        at_rest: float,
    ) -> None:
        phones = await dial_all(project, worker, number)
        answered = sum(phone.was_answered for phone in phones)
        waited = [phone.waited_seconds for phone in phones]
        self.result.add_point("first_audio_by_calls", subject.name, number, *waited)
        if number == self.scale.many:
            self.result.add("first_audio_many", subject.name, *waited)
            self.result.add("answered_many", subject.name, answered / number)
        for phone in phones:
            await phone.talk(self.voice, _PAUSE_SECONDS)
        with self._cpu_of(worker) as burnt:
            await asyncio.sleep(self.scale.talk_seconds)  # talk is what is measured
        if answered:
            held = worker.tree.pss_mib()
            self.result.add_point("memory_by_calls", subject.name, answered, held)
            self.result.add("call_memory", subject.name, (held - at_rest) / answered)
            self.result.add("talk_cpu", subject.name, burnt.per_second * _MINUTE / answered)
        await hang_up_all(project, phones)
        await worker.tree.settled_pss_mib()

    async def _pass_calls(self, worker: MeasuredWorker, project: Project) -> None:
        passed = 0
        while passed < self.scale.passing_calls:
            number = min(_PASSING_AT_ONCE, self.scale.passing_calls - passed)
            await hang_up_all(project, await dial_all(project, worker, number))
            passed += number

    async def _measure_burst(
        self,
        metric: str,
        subject: BenchSubject,
        worker: MeasuredWorker,
        project: Project,
        number: int,
    ) -> None:
        rooms = await asyncio.gather(*(send_dispatch(project, worker) for _ in range(number)))
        answered = await wait_for_agents(project, list(rooms), self.scale.patience_seconds)
        self.result.add(metric, subject.name, answered / number)
        await asyncio.gather(*(delete_room(project, room) for room in rooms))

    async def _measure_under_load(
        self, subject: BenchSubject, worker: MeasuredWorker, project: Project
    ) -> None:
        answered = 0
        for _ in range(self.scale.loaded_calls):
            room = await send_dispatch(project, worker)
            answered += await wait_for_agents(project, [room], self.scale.patience_seconds)
            await delete_room(project, room)
        self.result.add("under_load", subject.name, answered / self.scale.loaded_calls)

    @contextmanager
    def _cpu_of(self, worker: MeasuredWorker) -> Iterator["Burnt"]:
        burnt, began, before = Burnt(), time.monotonic(), worker.tree.cpu_seconds()
        yield burnt
        burnt.per_second = (worker.tree.cpu_seconds() - before) / (time.monotonic() - began)


@dataclass
class Burnt:
    """CPU seconds per second, known when the block is over."""

    per_second: float = 0.0


def _nearest(memory: dict[int, float], number: int) -> int:
    return min(memory, key=lambda at: abs(at - number))
