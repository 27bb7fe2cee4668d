"""The call store: a call is written before anything is sent, so that a crash leaves no orphan."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from control.calls.call import OPEN_STATES, Call, CallAnswer, CallState, read_request, write_request
from control.calls.owner import name_myself
from control.storage.database import Database
from control.storage.sealing import Sealer
from control.storage.tables import calls

LEASE_SECONDS = 20.0
# Every open call has not ended, and the other way round; the indexes are made of the same words.
IS_OPEN = calls.c.ended_at.is_(None)


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
            "lease_until": self._database.clock + LEASE_SECONDS,
            "created_at": call.created_at,
        }

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(insert(calls).values(values))

        try:
            await self._database.write(write)
        except IntegrityError:
            # Also when the commit was made and its answer lost: then the call found is this one.
            found = await self._by_key(call, key)
            return StoredCall(self.read(found), found.call_id == call.id, found.body_digest)
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
            lease_until=self._database.clock + LEASE_SECONDS,
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
            changes["ended_at"] = self._database.clock
        mine = (calls.c.call_id == call_id) & (calls.c.owner == self.me)
        return await self._change(mine & IS_OPEN, **changes)

    async def end(self, call_id: str, state: CallState = CallState.ENDED) -> None:
        """Write down that a call has ended, or is to, whoever looked after it: now this process."""
        lease = self._database.clock + LEASE_SECONDS
        changes: dict[str, Any] = {"state": state.value, "owner": self.me, "lease_until": lease}
        if state not in OPEN_STATES:
            changes["ended_at"] = self._database.clock
        where = (calls.c.call_id == call_id) & IS_OPEN
        await self._change(where, **changes)

    async def keep_answer(self, call: Call, answer: CallAnswer, **changes: Any) -> bool:
        """Keep what is about to be answered, sealed, for whoever asks again with the same key.

        False when the call was taken over meanwhile: then nobody may be given this answer.
        """
        text = json.dumps({"status": answer.status, "body": answer.body})
        sealed = self._sealer.seal(text, f"answer/{call.id}")
        return await self.note(
            call.id, answer_sealed=sealed, answered_at=self._database.clock, **changes
        )

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
        return None if row is None else self.read(row)

    async def open_in_room(self, tenant_id: str, room: str) -> Call | None:
        """Give the open call of a room, the newest first."""
        row = await self._row((calls.c.tenant_id == tenant_id) & (calls.c.room == room) & IS_OPEN)
        return None if row is None else self.read(row)

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

    def read(self, row: Row[Any]) -> Call:
        """Give the call that a row holds.

        Raises:
            Unsealable: no listed sealing key opens it.
        """
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
        select(calls).where(where).order_by(calls.c.created_at.desc()).limit(1)
    )
    return list(found.all())
