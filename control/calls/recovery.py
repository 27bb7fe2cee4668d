"""Ends calls, undoes what was never answered, and takes over whatever nobody looks after."""

import asyncio
import logging
import time
from dataclasses import replace

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from control.calls.call import Call, CallState
from control.calls.connections import Connections
from control.calls.sending import undo
from control.calls.store import CallStore
from control.calls.watch import CallWatch
from control.storage.database import DatabaseUnreachable
from project.faults import PermanentFault, ProjectFault, TemporaryFault

_log = logging.getLogger(__name__)
# A project that stays away that long has no room of ours left: rooms without anybody close.
_LONGEST_SECONDS = 3600.0
# Whoever ends a call waits no longer than one request to its project may last.
_SOON_SECONDS = 5.0


class Recovery:
    """Undoes calls now or later; what cannot be undone now is kept until it can be."""

    def __init__(self, store: CallStore, connections: Connections, watch: CallWatch) -> None:
        self._store, self._connections, self._watch = store, connections, watch
        self._undue: dict[str, Call] = {}

    async def sweep(self, only: str | None = None) -> None:
        """Look once for calls whose process has gone; `only` for one of them.

        Raises:
            DatabaseUnreachable: the database stayed away.
        """
        for call in await self._store.take_over_orphans(only):
            if call.is_answered and call.state is not CallState.ENDING:
                self._watch.add(call)
            else:
                self._undue[call.id] = call
        again = [call for call in self._undue.values() if only in (None, call.id)]
        await asyncio.gather(*(self._undo_one(call) for call in again))

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
            self._undue[call.id] = replace(call, state=CallState.ENDING)
        except PermanentFault:
            self._watch.add(call)
            raise
        else:
            await self._store.end(call.id)

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

    async def undo(self, call: Call) -> None:
        """Undo a call that will not be answered; what cannot be undone now, is undone later."""
        self._undue[call.id] = call
        try:
            await self._undo_one(call)
        except DatabaseUnreachable:
            _log.warning("call %s: undone, but not written down yet", call.id)

    async def _undo_one(self, call: Call) -> None:
        if not await self._is_undone(call):
            return
        state = CallState.ENDED if call.state is CallState.ENDING else CallState.ABANDONED
        await self._store.note(call.id, state=state.value)
        self._undue.pop(call.id, None)
        _log.info("call %s: undone, it is %s", call.id, state.value)

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
