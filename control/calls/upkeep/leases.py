"""Leases: which control plane looks after which open call, by the database's clock."""

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from control.calls.call import Call
from control.calls.owner import is_surely_gone
from control.calls.store import IS_OPEN, LEASE_SECONDS, CallStore
from control.storage.database import Database
from control.storage.sealing import Unsealable
from control.storage.tables import calls

_log = logging.getLogger(__name__)
_MOST_AT_ONCE = 200


class Leases:
    """Renews this control plane's leases, and takes over the calls of one that is gone.

    Every time is the database's: control planes whose clocks differ agree on what has run out.
    """

    def __init__(self, database: Database, store: CallStore) -> None:
        self._database, self._store = database, store

    async def renew(self) -> None:
        """Say that this control plane still looks after its calls."""
        until = self._database.clock + LEASE_SECONDS
        await self._change(IS_OPEN & (calls.c.owner == self._store.me), lease_until=until)

    async def let_go(self) -> None:
        """Leave this control plane's open calls to whoever comes next, at once."""
        mine = IS_OPEN & (calls.c.owner == self._store.me)
        await self._change(mine, lease_until=0.0, owner=None)

    async def take_over_orphans(self, only: str | None = None) -> tuple[Call, ...]:
        """Take open calls that nobody looks after any more, 200 at most; `only` one of them."""
        orphaned = self._orphaned(await self._owners_gone())
        wanted = orphaned if only is None else orphaned & (calls.c.call_id == only)
        ids = await self._database.read(lambda connection: _ids(connection, wanted))
        if not ids:
            return ()
        # Nobody else makes a call ours: one that is ours by now was taken by a first try of this
        # write, whose answer was lost.
        chosen = calls.c.call_id.in_(ids) & (orphaned | (calls.c.owner == self._store.me))
        values = {
            "owner": self._store.me,
            "lease_until": self._database.clock + LEASE_SECONDS,
        }
        taking = update(calls).where(chosen).values(values).returning(calls)
        rows = await self._database.write(lambda connection: _all(connection, taking))
        return tuple(call for row in rows if (call := self._read(row)) is not None)

    def _orphaned(self, gone: Sequence[str]) -> ColumnElement[bool]:
        owner = calls.c.owner
        has_run_out = or_(calls.c.lease_until < self._database.clock, owner.in_(gone))
        return IS_OPEN & or_(owner.is_(None), and_(owner != self._store.me, has_run_out))

    async def _owners_gone(self) -> list[str]:
        """Name owners that have certainly ended: their leases need not be waited for."""
        distinct = select(calls.c.owner).where(IS_OPEN, calls.c.owner.is_not(None)).distinct()
        rows = await self._database.read(lambda connection: _all(connection, distinct))
        owners = [row.owner for row in rows if row.owner != self._store.me]
        return [owner for owner in owners if is_surely_gone(owner)]

    def _read(self, row: Row[Any]) -> Call | None:
        try:
            return self._store.read(row)
        except Unsealable as error:
            # One row's fault: the others are looked after all the same.
            _log.error("call %s cannot be looked after: %s (%s)", row.call_id, error, error.hint)
            return None

    async def _change(self, where: ColumnElement[bool], **values: Any) -> None:
        async def write(connection: AsyncConnection) -> None:
            await connection.execute(update(calls).where(where).values(values))

        await self._database.write(write)


async def _ids(connection: AsyncConnection, where: ColumnElement[bool]) -> list[str]:
    oldest = select(calls.c.call_id).where(where).order_by(calls.c.lease_until)
    return list((await connection.execute(oldest.limit(_MOST_AT_ONCE))).scalars())


async def _all(connection: AsyncConnection, statement: Any) -> list[Row[Any]]:
    return list((await connection.execute(statement)).all())
