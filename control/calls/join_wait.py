"""Waits for an agent to join, which only the room's participants can tell."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from control.calls.call import Call
from control.calls.causes import DispatchEvidence
from control.calls.sending import list_mine
from control.workers.tenant_workers import AsksWorkers
from project.connection import Project
from project.participants import Participant, agents_in, remove_participant

# The server itself waits 3 s for a worker's word before it drops a dispatch.
PATIENCE_SECONDS = 3.1
# A worker that has taken the call may still be starting its process.
_TAKEN_PATIENCE_SECONDS = 10.0
_FIRST_LOOK_SECONDS = 0.22  # the server collects bids for 200 ms
_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.04, 0.6
_ASK_EVERY_SECONDS = 0.7


@dataclass(frozen=True)
class JoinResult:
    """Who came, or why nobody did."""

    identity: str | None = None
    cause: str | None = None


class LookPace:
    """Keeps looking cheap: the more calls wait for their agent, the less often each one looks."""

    _SECONDS_EACH = 0.008

    def __init__(self) -> None:
        self.waiting = 0

    def next_pause(self, pause: float) -> float:
        """Give the pause before the next look, in seconds."""
        grown = min(_LONGEST_PAUSE_SECONDS, max(_SHORTEST_PAUSE_SECONDS, pause * 1.3))
        return max(grown, self.waiting * self._SECONDS_EACH)


class JoinWait:
    """Looks into one room until the agent is there, or it is plain that it does not come."""

    def __init__(
        self,
        project: Project,
        call: Call,
        workers: AsksWorkers,
        strangers: frozenset[str],
        pace: LookPace,
    ) -> None:
        """Take what to look at; `strangers` were in the room before, and are not ours."""
        self._project, self._call, self._pace = project, call, pace
        self._workers, self._strangers = workers, strangers
        self._now: Callable[[], float] = asyncio.get_running_loop().time
        self._began = self._now()
        self._was_seen = False

    async def wait(self) -> JoinResult:
        """Wait.

        Raises:
            ProjectFault: the project could not be asked.
        """
        self._pace.waiting += 1
        try:
            return await self._wait()
        finally:
            self._pace.waiting -= 1

    async def _wait(self) -> JoinResult:
        await asyncio.sleep(_FIRST_LOOK_SECONDS)
        pause, ask_at = 0.0, self._began + _ASK_EVERY_SECONDS
        give_up_at = self._began + PATIENCE_SECONDS
        while True:
            pause = self._pace.next_pause(pause)
            present = await self._present()
            # Joined alone is no promise: a busy machine's agent loses its signal before its media
            # is up, and comes back seconds later or never.
            if present and present[0].is_active:
                await self._put_out(present[1:])
                return JoinResult(identity=present[0].identity)
            self._was_seen = self._was_seen or bool(present)
            if self._now() >= give_up_at:
                evidence = await self._evidence()
                if not self._may_still_come(evidence, bool(present)):
                    return JoinResult(cause=evidence.cause())
                give_up_at = self._now() + 1.0
            elif self._now() >= ask_at:
                ask_at = self._now() + _ASK_EVERY_SECONDS
                if cause := await self._refusal():
                    return JoinResult(cause=cause)
            await asyncio.sleep(pause)

    async def _present(self) -> list[Participant]:
        agents = await agents_in(self._project, self._call.room)
        return [agent for agent in agents if agent.identity not in self._strangers]

    async def _put_out(self, younger: list[Participant]) -> None:
        # A withdrawn agent may come late; of two the elder stays, as our workers have it too.
        # In a room of the tenant's app another agent may be the app's own.
        for agent in younger if self._call.makes_room else ():
            await remove_participant(self._project, self._call.room, agent.identity)

    def _may_still_come(self, evidence: DispatchEvidence, is_present: bool) -> bool:
        if self._now() - self._began > _TAKEN_PATIENCE_SECONDS:
            return False
        if evidence.workers.can_be_asked and evidence.workers.running == 0:
            return False  # it was taken by a worker that is no more
        return is_present or evidence.is_accepted

    async def _refusal(self) -> str | None:
        """Give the cause if a worker has said that it does not take this dispatch."""
        evidence = await self._evidence_of_workers()
        return evidence.cause() if evidence.is_refused else None

    async def _evidence(self) -> DispatchEvidence:
        evidence = await self._evidence_of_workers()
        mine = await list_mine(self._project, self._call)
        jobs = [
            job
            for dispatch in mine
            if dispatch.id == self._call.dispatch_id
            for job in dispatch.jobs
        ]
        return replace(evidence, jobs=tuple(jobs))

    async def _evidence_of_workers(self) -> DispatchEvidence:
        workers = await self._workers.of(self._call.tenant_id)
        return DispatchEvidence(workers, self._call.dispatch_id, was_seen=self._was_seen)
