"""Watches one project's answered calls: a caller whose agent is lost gets another one."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from control import logs
from control.calls.call import TOKEN_SECONDS, Call, CallState, Receipt
from control.calls.connections import Connections
from control.calls.dispatch_attempts import DispatchAttempts
from control.calls.sending import identities, list_mine, undo
from control.calls.store import CallStore
from control.storage.database import DatabaseUnreachable
from project.connection import Project
from project.credentials import Credentials
from project.faults import Limited, PermanentFault, ProjectFault
from project.participants import Participant, participants_in
from project.rooms import Room, list_rooms

_log = logging.getLogger(__name__)
_LOOK_EVERY_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 10.0
# Who has had too many requests in this minute is asked again in the next.
_LIMITED_PAUSE_SECONDS = 30.0
# An agent that ends a call on purpose removes the room a moment after it left.
_SECOND_LOOK_SECONDS = 0.7
_ROUNDS_APART_SECONDS = 15.0
# A room that nobody entered closes by itself when the token has run out; and a little later.
_NOBODY_CAME_SECONDS = TOKEN_SECONDS + 60.0
_MOST_LOOKS_AT_ONCE = 8

_NOT_CALLERS = frozenset({"agent", "egress", "ingress", "connector"})


@dataclass
class WatchedCall:
    """A call being watched: what runs for it, and what was seen of it last."""

    call: Call
    attempts: asyncio.Task[Receipt] | None = None
    has_had_caller: bool = False
    is_suspected: bool = False
    last_round: float = float("-inf")
    # The room as it was counted at the last look into it; None asks for another.
    room: Room | None = None
    looked_at: float = float("-inf")

    @property
    def is_sent_for(self) -> bool:
        """Tell whether an agent is being sent for, so that nobody else needs to."""
        return self.attempts is not None and not self.attempts.done()


class ProjectWatch:
    """Looks at one project's calls until none is left; `calls` are those that are watched."""

    def __init__(
        self,
        credentials: Credentials,
        store: CallStore,
        connections: Connections,
        attempts_for: Callable[[Call], DispatchAttempts],
    ) -> None:
        self._credentials = credentials
        self._store, self._connections, self._attempts_for = store, connections, attempts_for
        self._named: set[str] = set()
        self._wake = asyncio.Event()
        self.calls: dict[str, WatchedCall] = {}

    def look_into(self, room: str) -> None:
        """Look into a room at once, and into no other: something happened there."""
        if any(watched.call.room == room for watched in self.calls.values()):
            self._named.add(room)
            self._wake.set()

    async def run(self) -> None:
        """Look every two seconds, and at once where something is said to have happened."""
        pause, last_fault = _LOOK_EVERY_SECONDS, ""
        while self.calls:
            named = await self._wait(pause)
            try:
                is_suspicious = await self._look(named)
            except (ProjectFault, DatabaseUnreachable) as fault:
                if str(fault) != last_fault:  # an absent project meets every look alike
                    host = self._credentials.host
                    _log.warning("the calls of %s cannot be watched now: %s", host, fault)
                last_fault = str(fault)
                pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
                if isinstance(fault, Limited):
                    await asyncio.sleep(_LIMITED_PAUSE_SECONDS)
            except Exception:  # noqa: BLE001 - the edge of a task that must outlive one bad look
                _log.exception("the calls of %s were not looked at", self._credentials.host)
            else:
                last_fault = ""
                pause = _SECOND_LOOK_SECONDS if is_suspicious else _LOOK_EVERY_SECONDS

    async def _wait(self, seconds: float) -> frozenset[str]:
        """Wait for the next look; gives the rooms that alone are to be looked into, or none."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()
        named, self._named = frozenset(self._named), set()
        return named

    async def _look(self, named: frozenset[str]) -> bool:
        """Look once, with few requests; tells whether to look again soon.

        One list of rooms; then a look into each room that changed, and into the one that was
        looked into longest ago: agents without a track are not counted.
        """
        calls = [watched for watched in self.calls.values() if not watched.is_sent_for]
        if named:
            calls = [watched for watched in calls if watched.call.room in named]
        if not calls:
            return False
        async with self._connections.to(self._credentials) as project:
            try:
                rooms = {room.name: room for room in await list_rooms(project, *named)}
            except PermanentFault:
                await asyncio.gather(*(self._give_up(watched) for watched in calls))
                raise
            await self._look_at_all(project, calls if named else _due(calls, rooms), rooms)
        return any(watched.is_suspected for watched in calls)

    async def _look_at_all(
        self, project: Project, due: Sequence[WatchedCall], rooms: Mapping[str, Room]
    ) -> None:
        """Look at some calls; a fault is raised once all have been looked at."""
        bound = asyncio.Semaphore(_MOST_LOOKS_AT_ONCE)

        async def look(watched: WatchedCall) -> None:
            async with bound:
                room = rooms.get(watched.call.room)
                watched.room, watched.looked_at = room, time.monotonic()
                try:
                    with logs.about(tenant=watched.call.tenant_id, call=watched.call.id):
                        await self._look_at(project, watched, room is not None)
                except BaseException:  # raised again: it was not looked into, so it is due still
                    watched.room = None
                    raise

        looks = [asyncio.create_task(look(watched), name="look into a room") for watched in due]
        try:
            results = await asyncio.gather(*looks, return_exceptions=True)
        except asyncio.CancelledError:
            for task in looks:
                task.cancel()
            raise
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _give_up(self, watched: WatchedCall) -> None:
        """Forget a call in a project that lets us in no more, once its caller cannot come."""
        if time.time() - watched.call.created_at > _NOBODY_CAME_SECONDS:
            await self._end(watched)

    async def _look_at(self, project: Project, watched: WatchedCall, has_room: bool) -> None:
        watched.call = await self._refreshed(watched)
        if not watched.call.is_open:
            self._forget(watched)
        elif not has_room:
            await self._without_room(watched)
        else:
            await self._in_room(project, watched)

    async def _refreshed(self, watched: WatchedCall) -> Call:
        if watched.attempts is None:
            return watched.call
        if not watched.attempts.cancelled() and (error := watched.attempts.exception()) is not None:
            _log.warning("call %s: sending for an agent broke off: %r", watched.call.id, error)
        watched.attempts = None  # what it found is on record
        return await self._store.call(watched.call.id) or watched.call

    async def _without_room(self, watched: WatchedCall) -> None:
        age = time.time() - watched.call.created_at
        if watched.call.dispatch_id is not None or age > _NOBODY_CAME_SECONDS:
            await self._end(watched)

    async def _in_room(self, project: Project, watched: WatchedCall) -> None:
        present = await participants_in(project, watched.call.room)
        has_caller = any(who.kind not in _NOT_CALLERS for who in present)
        watched.has_had_caller = watched.has_had_caller or has_caller
        agents = await self._agents(project, watched, present)
        if agents:
            await self._has_agent(watched, agents)
        elif has_caller:
            await self._lost(watched)
        else:
            watched.is_suspected = False
            await self._nobody(project, watched)

    async def _agents(
        self, project: Project, watched: WatchedCall, present: tuple[Participant, ...]
    ) -> list[Participant]:
        agents = [who for who in present if who.is_agent]
        if not agents or watched.call.makes_room:
            return agents
        if watched.call.agent_identity is not None:
            return [who for who in agents if who.identity == watched.call.agent_identity]
        names = identities(await list_mine(project, watched.call), watched.call)
        return [who for who in agents if who.identity in names]

    async def _has_agent(self, watched: WatchedCall, agents: list[Participant]) -> None:
        watched.is_suspected = False
        if (
            watched.call.state is CallState.JOINED
            and watched.call.agent_identity == agents[0].identity
        ):
            return
        if not agents[0].is_active:
            return
        watched.call = replace(
            watched.call, state=CallState.JOINED, agent_identity=agents[0].identity, cause=None
        )
        is_ours = await self._store.note(
            watched.call.id,
            state=CallState.JOINED.value,
            agent_identity=agents[0].identity,
            cause=None,
        )
        if not is_ours:
            self._forget(watched)

    async def _lost(self, watched: WatchedCall) -> None:
        if not watched.is_suspected:
            watched.is_suspected = True
            return
        watched.is_suspected = False
        if time.monotonic() - watched.last_round < _ROUNDS_APART_SECONDS:
            return
        watched.last_round = time.monotonic()
        if not await self._store.note(watched.call.id, state=CallState.PENDING.value):
            self._forget(watched)  # it was ended elsewhere; a room of the tenant's app outlives it
            return
        _log.warning("call %s: its caller has no agent, another is sent for", watched.call.id)
        watched.call = replace(watched.call, state=CallState.PENDING)
        run = self._attempts_for(
            replace(watched.call, attempts=max(1, watched.call.attempts))
        ).run()
        watched.attempts = asyncio.create_task(run, name=f"send again: call {watched.call.id}")

    async def _nobody(self, project: Project, watched: WatchedCall) -> None:
        is_late = time.time() - watched.call.created_at > _NOBODY_CAME_SECONDS
        if is_late and not watched.has_had_caller:
            await undo(project, watched.call)
            await self._end(watched)

    async def _end(self, watched: WatchedCall) -> None:
        await self._store.note(watched.call.id, state=CallState.ENDED.value)
        self._forget(watched)

    def _forget(self, watched: WatchedCall) -> None:
        self.calls.pop(watched.call.id, None)


def _due(calls: Sequence[WatchedCall], rooms: Mapping[str, Room]) -> list[WatchedCall]:
    due = [watched for watched in calls if _is_due(watched, rooms.get(watched.call.room))]
    rest = [watched for watched in calls if watched not in due]
    oldest = sorted(rest, key=lambda watched: watched.looked_at)
    return due or oldest[:1]


def _is_due(watched: WatchedCall, room: Room | None) -> bool:
    """Tell whether a look into a call's room may show something new."""
    if room is None or watched.room is None or watched.is_suspected:
        return True
    has_changed = (room.participants, room.publishers) != (
        watched.room.participants,
        watched.room.publishers,
    )
    return has_changed or watched.attempts is not None or watched.call.state is not CallState.JOINED
