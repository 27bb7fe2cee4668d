"""Ends calls, undoes what was never answered, and takes over whatever nobody looks after."""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, field, replace

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from control import logs
from control.calls.call import Call, CallState
from control.calls.connections import Connections
from control.calls.sending import undo
from control.calls.store import CallStore
from control.calls.upkeep.leases import Leases
from control.calls.upkeep.watch import CallWatch
from control.storage.database import DatabaseUnreachable
from project.credentials import Credentials
from project.faults import PermanentFault, ProjectFault, TemporaryFault

_log = logging.getLogger(__name__)
# A project that stays away that long has no room of ours left: rooms without anybody close.
_LONGEST_SECONDS = 3600.0
# Whoever ends a call waits no longer than one request to its project may last.
_SOON_SECONDS = 5.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 2.0, 30.0


@dataclass
class _Backlog:
    """What is still to be undone in one project, and the task that does it."""

    calls: dict[str, Call] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Recovery:
    """Undoes calls now or later; one task a project, so that an absent one delays itself alone."""

    def __init__(
        self, store: CallStore, leases: Leases, connections: Connections, watch: CallWatch
    ) -> None:
        self._store, self._leases = store, leases
        self._connections, self._watch = connections, watch
        self._backlogs: dict[Credentials, _Backlog] = {}

    async def sweep(self, only: str | None = None) -> None:
        """Look once for calls whose control plane has gone; `only` for one of them.

        Raises:
            DatabaseUnreachable: the database stayed away.
        """
        for call in await self._leases.take_over_orphans(only):
            if call.is_answered and call.state is not CallState.ENDING:
                self._watch.add(call)
            else:
                self.undo_later(call)
        for backlog in self._backlogs.values():
            if only in backlog.calls:
                backlog.wake.set()

    async def end(self, call: Call) -> None:
        """End a call now, or as soon as its project answers.

        Raises:
            PermanentFault: the project lets us remove nothing; the call goes on.
        """
        await self._watch.drop(call)
        try:
            await self._undo_soon(call)
        except TemporaryFault as fault:
            _log.warning("call %s: ended as soon as its project answers: %s", call.id, fault)
            await self._store.end(call.id, CallState.ENDING)
            self.undo_later(replace(call, state=CallState.ENDING))
        except PermanentFault:
            self._watch.add(call)
            raise
        else:
            await self._store.end(call.id)

    async def undo(self, call: Call) -> None:
        """Undo a call that will not be answered; what cannot be undone now, is undone later."""
        if not await self._undo_one(call):
            self.undo_later(call)

    async def close(self) -> None:
        """Leave what is not undone yet to whoever comes next."""
        tasks = [backlog.task for backlog in self._backlogs.values() if backlog.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def undo_later(self, call: Call) -> None:
        """Undo a call as soon as its project lets us."""
        backlog = self._backlogs.setdefault(call.credentials, _Backlog())
        backlog.calls[call.id] = call
        if backlog.task is None or backlog.task.done():
            name = f"undo calls of {call.credentials.host}"
            backlog.task = asyncio.create_task(
                self._work_off(call.credentials), name=name, context=logs.nobodys()
            )

    async def _work_off(self, key: Credentials) -> None:
        backlog, pause = self._backlogs[key], _FIRST_PAUSE_SECONDS
        while backlog.calls:
            call = next(iter(backlog.calls.values()))
            with logs.about(tenant=call.tenant_id, call=call.id):
                is_undone = await self._undo_one(call)
            if is_undone:
                del backlog.calls[call.id]
                continue
            # The others are in the same project, and would wait as vainly.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(backlog.wake.wait(), pause)
            backlog.wake.clear()
            pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
        del self._backlogs[key]

    async def _undo_soon(self, call: Call) -> None:
        # In a burst a project may refuse for a moment; undoing twice is no harm.
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(TemporaryFault),
            stop=stop_after_delay(_SOON_SECONDS),
            wait=wait_random_exponential(0.2, max=1.0),
            reraise=True,
        ):
            with attempt:
                async with self._connections.to(call.credentials) as project:
                    await undo(project, call)

    async def _undo_one(self, call: Call) -> bool:
        """Try once; tells whether nothing is left to do for the call."""
        state = CallState.ENDED if call.state is CallState.ENDING else CallState.ABANDONED
        try:
            if not await self._is_undone(call):
                return False
            await self._store.note(call.id, state=state.value)
        except DatabaseUnreachable:
            _log.warning("call %s: undone, but not written down yet", call.id)
            return False
        except Exception:  # noqa: BLE001 - the edge of a task that others' calls wait for
            _log.exception("call %s: undoing it broke off", call.id)
            return False
        _log.info("call %s: undone, it is %s", call.id, state.value)
        return True

    async def _is_undone(self, call: Call) -> bool:
        try:
            async with self._connections.to(call.credentials) as project:
                await undo(project, call)
        except PermanentFault as fault:
            _log.warning("call %s: cannot be undone: %s (%s)", call.id, fault, fault.hint)
        except ProjectFault as fault:
            _log.warning("call %s: not undone yet: %s", call.id, fault)
            return time.time() - call.created_at > _LONGEST_SECONDS
        return True
