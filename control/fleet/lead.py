"""Which of several control planes on one database runs the fleet: whoever holds its lock."""

import asyncio
import contextlib
import fcntl
import logging
from pathlib import Path
from typing import IO

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from control.storage.database import Database

_log = logging.getLogger(__name__)
_LOCK_KEY = 7_145_201_909  # any number, the same in each control plane of one database
# A lock whose connection does not answer may be another's by now.
_PATIENCE_SECONDS = 5.0


class Lead:
    """Takes the lead when it is free, and keeps it until this process or its connection ends.

    PostgreSQL and the kernel free the lock of a process that died, so nobody waits for a lease.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: AsyncConnection | None = None
        self._file: IO[bytes] | None = None
        self._was_ours: bool | None = None

    async def is_ours(self) -> bool:
        """Tell whether this control plane leads now; takes the lead when it is free."""
        is_postgres = self._database.dialect == "postgresql"
        is_ours = await self._holds_lock() if is_postgres else self._holds_file()
        if is_ours is not self._was_ours:
            _log.info("this control plane %s the fleet", "runs" if is_ours else "stands by for")
        self._was_ours = is_ours
        return is_ours

    async def give_up(self) -> None:
        """Let another lead, at once."""
        if self._file is not None:
            self._file.close()
        await self._drop()

    async def _holds_lock(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                if self._connection is not None:
                    await self._connection.execute(text("SELECT 1"))
                    return True
                self._connection = await self._database.lasting_connection()
                asked = text(f"SELECT pg_try_advisory_lock({_LOCK_KEY})")
                is_ours = bool((await self._connection.execute(asked)).scalar())
        except (SQLAlchemyError, OSError, TimeoutError):
            is_ours = False
        if not is_ours:
            await self._drop()
        return is_ours

    def _holds_file(self) -> bool:
        """Lock a file beside the database's; a database in memory has one control plane anyway."""
        name = self._database.engine.url.database
        if self._file is not None or not name or name == ":memory:":
            return True
        file = Path(f"{name}.lead").open("ab")  # noqa: SIM115 - its lock lasts as long as it is open
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # Ended, not given back: the lock would live on in the pool.
            with contextlib.suppress(SQLAlchemyError, OSError):
                await connection.invalidate()
            await connection.close()
