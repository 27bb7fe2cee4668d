"""The call store: a call is written before anything is sent, so that a crash leaves no orphan."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from control.calls.call import OPEN_STATES, Call, CallAnswer, CallState, read_request, write_request
from control.calls.owner import is_surely_gone, name_myself
from control.storage.database import Database
from control.storage.sealing import Sealer
from control.storage.tables import calls

LEASE_SECONDS = 20.0
ANSWERS_KEPT_SECONDS = 24 * 3600.0
_OPEN = tuple(state.value for state in OPEN_STATES)


@dataclass(frozen=True)
class StoredCall:
    """A call on record: made now, or found under the same Idempotency-Key."""

    call: Call
    is_new: bool
    body_digest: str


class CallStore:
    """Reads and writes calls; each method is one short transaction."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database, self._sealer = database, sealer
        self.me = name_myself()

    async def open(self, call: Call, key: str | None) -> StoredCall:
        """Put a new call on record, or find the one that the key stands for."""
        digest = call.request.digest()
        values = {
            "call_id": call.id,
            "tenant_id": call.tenant_id,
            "idempotency_key": key,
            "body_digest": digest,
            "identity": call.request.identity,
            "room": call.room,
            "makes_room": call.makes_room,
            "request_sealed": self._sealed_request(call),
            "state": call.state.value,
            "owner": self.me,
            "lease_until": time.time() + LEASE_SECONDS,
            "created_at": call.created_at,
        }

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(insert(calls).values(values))

        try:
            await self._database.write(write)
        except IntegrityError:
            # Also when the commit was made and its answer lost: then the call found is this one.
            found = await self._by_key(call, key)
            return StoredCall(self._call(found), found.call_id == call.id, found.body_digest)
        return StoredCall(call, True, digest)

    async def revive(self, call: Call) -> bool:
        """Take an abandoned call up again, with its new room; False when another was quicker."""
        return await self._change(
            (calls.c.call_id == call.id) & (calls.c.state == CallState.ABANDONED.value),
            state=CallState.BOOKED.value,
            room=call.room,
            makes_room=call.makes_room,
            request_sealed=self._sealed_request(call),
            created_at=call.created_at,
            owner=self.me,
            lease_until=time.time() + LEASE_SECONDS,
            attempts=0,
            dispatch_id=None,
            cause=None,
            ended_at=None,
        )

    async def note(self, call_id: str, **changes: Any) -> bool:
        """Write down how far a call has come; False when it is over, or another's to look after.

        Whoever is told False must do nothing more for the call.
        """
        if changes.get("state", CallState.BOOKED) not in OPEN_STATES:
            changes["ended_at"] = time.time()
        mine = (calls.c.call_id == call_id) & (calls.c.owner == self.me)
        return await self._change(mine & calls.c.state.in_(_OPEN), **changes)

    async def end(self, call_id: str, state: CallState = CallState.ENDED) -> None:
        """Write down that a call has ended, or is to, whoever looked after it: now this process."""
        lease = time.time() + LEASE_SECONDS
        changes: dict[str, Any] = {"state": state.value, "owner": self.me, "lease_until": lease}
        if state not in OPEN_STATES:
            changes["ended_at"] = time.time()
        where = (calls.c.call_id == call_id) & calls.c.state.in_(_OPEN)
        await self._change(where, **changes)

    async def keep_answer(self, call: Call, answer: CallAnswer, **changes: Any) -> bool:
        """Keep what is about to be answered, sealed, for whoever asks again with the same key.

        False when the call was taken over meanwhile: then nobody may be given this answer.
        """
        text = json.dumps({"status": answer.status, "body": answer.body})
        sealed = self._sealer.seal(text, f"answer/{call.id}")
        return await self.note(call.id, answer_sealed=sealed, answered_at=time.time(), **changes)

    async def answer_of(self, call_id: str) -> CallAnswer | None:
        """Give what was answered; None when nothing was yet, or it is no longer kept."""
        row = await self._row(calls.c.call_id == call_id)
        if row is None or row.answer_sealed is None:
            return None
        text = self._sealer.unseal(row.answer_sealed, f"answer/{call_id}").get_secret_value()
        kept: Mapping[str, Any] = json.loads(text)
        return CallAnswer(kept["status"], kept["body"])

    async def call(self, call_id: str) -> Call | None:
        """Give a call by its id."""
        row = await self._row(calls.c.call_id == call_id)
        return None if row is None else self._call(row)

    async def open_in_room(self, tenant_id: str, room: str) -> Call | None:
        """Give the open call of a room, the newest first."""
        row = await self._row(
            (calls.c.tenant_id == tenant_id) & (calls.c.room == room) & calls.c.state.in_(_OPEN)
        )
        return None if row is None else self._call(row)

    async def renew(self) -> None:
        """Say that this process still looks after its calls."""
        await self._change(
            (calls.c.owner == self.me) & calls.c.state.in_(_OPEN),
            lease_until=time.time() + LEASE_SECONDS,
        )

    async def let_go(self) -> None:
        """Leave this process's calls to whoever comes next, at once."""
        await self._change(calls.c.owner == self.me, lease_until=0.0, owner=None)

    async def take_over_orphans(self, only: str | None = None) -> tuple[Call, ...]:
        """Take the open calls that nobody looks after any more; `only` one of them."""
        where = calls.c.state.in_(_OPEN) & or_(calls.c.owner.is_(None), calls.c.owner != self.me)
        if only is not None:
            where = where & (calls.c.call_id == only)
        rows = await self._database.read(lambda connection: _all(connection, where))
        found = [row for row in rows if _is_orphan(row.owner, row.lease_until)]
        taken = [self._call(row) for row in found if await self._take(row)]
        return tuple(taken)

    async def forget_answers(self) -> None:
        """Remove answers older than 24 hours, and what they were asked with."""
        await self._change(
            calls.c.answered_at < time.time() - ANSWERS_KEPT_SECONDS,
            answer_sealed=None,
            idempotency_key=None,
        )

    async def _take(self, row: Row[Any]) -> bool:
        return await self._change(
            (calls.c.call_id == row.call_id)
            & (calls.c.owner.is_(None) if row.owner is None else calls.c.owner == row.owner)
            & (calls.c.lease_until == row.lease_until),
            owner=self.me,
            lease_until=time.time() + LEASE_SECONDS,
        )

    async def _by_key(self, call: Call, key: str | None) -> Row[Any]:
        row = await self._row(
            (calls.c.tenant_id == call.tenant_id) & (calls.c.idempotency_key == key)
            if key is not None
            else calls.c.call_id == call.id
        )
        assert row is not None, "a call that was refused as known is there"
        return row

    async def _row(self, where: ColumnElement[bool]) -> Row[Any] | None:
        rows = await self._database.read(lambda connection: _all(connection, where))
        return rows[0] if rows else None

    async def _change(self, where: ColumnElement[bool], **values: Any) -> bool:
        async def write(connection: AsyncConnection) -> bool:
            return bool(
                (await connection.execute(update(calls).where(where).values(values))).rowcount
            )

        return await self._database.write(write)

    def _sealed_request(self, call: Call) -> str:
        text = write_request(call.request, call.credentials, call.agent_name)
        return self._sealer.seal(text, f"call/{call.id}")

    def _call(self, row: Row[Any]) -> Call:
        text = self._sealer.unseal(row.request_sealed, f"call/{row.call_id}").get_secret_value()
        request, credentials, agent_name = read_request(text)
        return Call(
            id=row.call_id,
            tenant_id=row.tenant_id,
            room=row.room,
            makes_room=bool(row.makes_room),
            request=request,
            credentials=credentials,
            agent_name=agent_name,
            state=CallState(row.state),
            created_at=row.created_at,
            cause=row.cause,
            dispatch_id=row.dispatch_id,
            agent_identity=row.agent_identity,
            attempts=row.attempts,
            is_answered=row.answered_at is not None,
            owner=row.owner,
            lease_until=row.lease_until,
            ended_at=row.ended_at,
        )


async def _all(connection: AsyncConnection, where: ColumnElement[bool]) -> list[Row[Any]]:
    found = await connection.execute(
        select(calls).where(where).order_by(calls.c.created_at.desc()).limit(5000)
    )
    return list(found.all())


def _is_orphan(owner: str | None, lease_until: float) -> bool:
    return owner is None or lease_until < time.time() or is_surely_gone(owner)
