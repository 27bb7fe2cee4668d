"""After a crash, here or elsewhere: what was never answered is undone, the rest is looked after."""

import asyncio
import logging
import time

from control.calls.book import Book
from control.calls.call import Call, CallState
from control.calls.connections import Connections
from control.calls.sending import undo
from control.calls.watch import Watch
from control.database import DatabaseUnreachable
from project.faults import PermanentFault, ProjectFault

_log = logging.getLogger(__name__)
# A project that stays away that long has no room of ours left: rooms without anybody close.
_LONGEST_SECONDS = 3600.0


class Recovery:
    """Takes over the calls that nobody looks after any more."""

    def __init__(self, book: Book, connections: Connections, watch: Watch) -> None:
        self._book, self._connections, self._watch = book, connections, watch
        self._undue: dict[str, Call] = {}

    async def sweep(self, only: str | None = None) -> None:
        """Look once for calls whose process has gone; `only` for one of them.

        Raises:
            DatabaseUnreachable: the database stayed away.
        """
        for call in await self._book.take_over_orphans(only):
            if call.is_answered:
                self._watch.add(call)
            else:
                self._undue[call.id] = call
        again = [call for call in self._undue.values() if only in (None, call.id)]
        await asyncio.gather(*(self._undo_one(call) for call in again))

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
        await self._book.note(call.id, state=CallState.ABANDONED.value)
        self._undue.pop(call.id, None)
        _log.info("call %s: undone, it had not been answered", call.id)

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
