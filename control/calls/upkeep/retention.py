"""Retention: answers go after a day, ended calls after CALLS_KEEP_DAYS, some at a time."""

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from control.storage.database import Database
from control.storage.tables import calls

ANSWERS_KEPT_SECONDS = 24 * 3600.0
_DAY_SECONDS = 24 * 3600.0
# A write of a few milliseconds: whoever books a call meanwhile does not notice.
_CHUNK = 500


class CallRetention:
    """Removes what is kept long enough, and nothing twice; times are the database's."""

    def __init__(self, database: Database, keep_days: float) -> None:
        self._database, self._keep_seconds = database, keep_days * _DAY_SECONDS

    async def forget(self) -> int:
        """Remove all that is due, chunk after chunk; gives how many rows were touched."""
        touched = 0
        for step in (self._forget_answers, self._forget_calls):
            while (count := await self._database.write(step)) > 0:
                touched += count
                if count < _CHUNK:
                    break
        return touched

    async def _forget_answers(self, connection: AsyncConnection) -> int:
        """Remove answers, which hold tokens, and the keys that stand for them."""
        before = self._database.clock - ANSWERS_KEPT_SECONDS
        due = (
            select(calls.c.call_id)
            .where(calls.c.answer_sealed.is_not(None), calls.c.answered_at < before)
            .limit(_CHUNK)
        )
        forgotten = {"answer_sealed": None, "idempotency_key": None}
        statement = update(calls).where(calls.c.call_id.in_(due)).values(forgotten)
        return (await connection.execute(statement)).rowcount

    async def _forget_calls(self, connection: AsyncConnection) -> int:
        before = self._database.clock - self._keep_seconds
        due = select(calls.c.call_id).where(calls.c.ended_at < before).limit(_CHUNK)
        return (await connection.execute(delete(calls).where(calls.c.call_id.in_(due)))).rowcount
