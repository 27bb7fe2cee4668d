"""Watches answered calls: a caller whose agent is lost gets another one, within seconds."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from control.calls.call import TOKEN_SECONDS, Call, CallState, Receipt
from control.calls.connections import Connections
from control.calls.dispatch_attempts import DispatchAttempts
from control.calls.sending import identities, list_mine, undo
from control.calls.store import CallStore
from control.storage.database import DatabaseUnreachable
from project.connection import Project
from project.credentials import Credentials
from project.faults import PermanentFault, ProjectFault
from project.participants import Participant, participants_in
from project.rooms import list_rooms

_log = logging.getLogger(__name__)
_LOOK_EVERY_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 10.0
# An agent that ends a call on purpose removes the room a moment after it left.
_SECOND_LOOK_SECONDS = 0.7
_ROUNDS_APART_SECONDS = 15.0
# A room that nobody entered closes by itself when the token has run out; and a little later.
_NOBODY_CAME_SECONDS = TOKEN_SECONDS + 60.0
_MOST_LOOKS_AT_ONCE = 8

_NOT_CALLERS = frozenset({"agent", "egress", "ingress", "connector"})


@dataclass
class _Watched:
    """A call being watched: what runs for it, and what was seen of it last."""

    call: Call
    attempts: asyncio.Task[Receipt] | None = None
    has_had_caller: bool = False
    is_suspected: bool = False
    last_round: float = float("-inf")

    @property
    def is_sent_for(self) -> bool:
        return self.attempts is not None and not self.attempts.done()


class CallWatch:
    """One task a project with open calls, so that a slow project delays its own calls alone."""

    def __init__(
        self,
        store: CallStore,
        connections: Connections,
        attempts_for: Callable[[Call], DispatchAttempts],
    ) -> None:
        self._store, self._connections, self._attempts_for = store, connections, attempts_for
        self._watched: dict[Credentials, dict[str, _Watched]] = {}
        self._tasks: dict[Credentials, asyncio.Task[None]] = {}
        self._wakes: dict[Credentials, asyncio.Event] = {}

    def add(self, call: Call, attempts: asyncio.Task[Receipt] | None = None) -> None:
        """Watch a call from now on; `attempts` is what still sends for its first agent."""
        key = call.credentials
        self._watched.setdefault(key, {})[call.id] = _Watched(call, attempts)
        self._wakes.setdefault(key, asyncio.Event())
        if key not in self._tasks:
            name = f"watch the calls of {call.credentials.host}"
            self._tasks[key] = asyncio.create_task(self._run(key), name=name)

    async def drop(self, call: Call) -> None:
        """Watch a call no longer, and send for nobody any more."""
        watched = self._watched.get(call.credentials, {}).pop(call.id, None)
        if watched is not None and watched.attempts is not None:
            watched.attempts.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await watched.attempts

    def look_now(self, host: str) -> None:
        """Look at a project's calls at once: something happened there."""
        for key, wake in self._wakes.items():
            if key.host == host:
                wake.set()

    async def close(self) -> None:
        """Stop watching; the calls go on, and whoever comes next watches them."""
        watched = [call for calls in self._watched.values() for call in calls.values()]
        attempts = [call.attempts for call in watched]
        tasks = [*self._tasks.values(), *(task for task in attempts if task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: Credentials) -> None:
        pause, told = _LOOK_EVERY_SECONDS, ""
        while self._watched[key]:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wakes[key].wait(), pause)
            self._wakes[key].clear()
            try:
                is_suspicious = await self._look(key)
            except (ProjectFault, DatabaseUnreachable) as fault:
                if str(fault) != told:  # an absent project meets every look with the same words
                    _log.warning("the calls of %s cannot be watched now: %s", key.host, fault)
                told = str(fault)
                pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
            except Exception:  # noqa: BLE001 - the edge of a task that must outlive one bad look
                _log.exception("the calls of %s were not looked at", key.host)
            else:
                told = ""
                pause = _SECOND_LOOK_SECONDS if is_suspicious else _LOOK_EVERY_SECONDS
        for kept in (self._watched, self._tasks):
            kept.pop(key, None)
        self._wakes.pop(key)

    async def _look(self, key: Credentials) -> bool:
        """Look at every call of a project once; tells whether to look again soon."""
        calls = list(self._watched[key].values())
        if not calls:
            return False
        bound = asyncio.Semaphore(_MOST_LOOKS_AT_ONCE)
        async with self._connections.to(key) as project:
            try:
                rooms = {room.name for room in await list_rooms(project)}
            except PermanentFault:
                await asyncio.gather(*(self._give_up(watched) for watched in calls))
                raise

            async def look(watched: _Watched) -> None:
                async with bound:
                    await self._look_at(project, watched, watched.call.room in rooms)

            await asyncio.gather(*(look(watched) for watched in calls))
        return any(watched.is_suspected for watched in calls)

    async def _give_up(self, watched: _Watched) -> None:
        """Forget a call in a project that lets us in no more, once its caller cannot come."""
        if time.time() - watched.call.created_at > _NOBODY_CAME_SECONDS:
            await self._end(watched)

    async def _look_at(self, project: Project, watched: _Watched, has_room: bool) -> None:
        if watched.is_sent_for:
            return
        watched.call = await self._refreshed(watched)
        if not watched.call.is_open:
            self._forget(watched)
        elif not has_room:
            await self._without_room(watched)
        else:
            await self._in_room(project, watched)

    async def _refreshed(self, watched: _Watched) -> Call:
        if watched.attempts is None:
            return watched.call
        if not watched.attempts.cancelled() and (error := watched.attempts.exception()) is not None:
            _log.warning("call %s: sending for an agent broke off: %r", watched.call.id, error)
        watched.attempts = None  # what it found is on record
        return await self._store.call(watched.call.id) or watched.call

    async def _without_room(self, watched: _Watched) -> None:
        age = time.time() - watched.call.created_at
        if watched.call.dispatch_id is not None or age > _NOBODY_CAME_SECONDS:
            await self._end(watched)

    async def _in_room(self, project: Project, watched: _Watched) -> None:
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
        self, project: Project, watched: _Watched, present: tuple[Participant, ...]
    ) -> list[Participant]:
        agents = [who for who in present if who.is_agent]
        if not agents or watched.call.makes_room:
            return agents
        if watched.call.agent_identity is not None:
            return [who for who in agents if who.identity == watched.call.agent_identity]
        names = identities(await list_mine(project, watched.call), watched.call)
        return [who for who in agents if who.identity in names]

    async def _has_agent(self, watched: _Watched, agents: list[Participant]) -> None:
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

    async def _lost(self, watched: _Watched) -> None:
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

    async def _nobody(self, project: Project, watched: _Watched) -> None:
        is_late = time.time() - watched.call.created_at > _NOBODY_CAME_SECONDS
        if is_late and not watched.has_had_caller:
            await undo(project, watched.call)
            await self._end(watched)

    async def _end(self, watched: _Watched) -> None:
        await self._store.note(watched.call.id, state=CallState.ENDED.value)
        self._forget(watched)

    def _forget(self, watched: _Watched) -> None:
        self._watched.get(watched.call.credentials, {}).pop(watched.call.id, None)
