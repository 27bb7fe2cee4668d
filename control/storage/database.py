"""The database: SQLite or PostgreSQL, reached again after it went away."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr
from sqlalchemy import URL, ColumnElement, Float, event, literal_column, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_delay,
    wait_random_exponential,
)

_log = logging.getLogger(__name__)
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
}
# A restarted PostgreSQL is back in a few seconds; a request that waits longer tells its caller.
PATIENCE_SECONDS = 20.0
# Who only hiccuped has answered by then.
_TOLD_AFTER_SECONDS = 2.0
# A queue of our own making is no sign of an absent database: whoever stands in it may wait longer.
_QUEUE_SECONDS = 45.0
# Another process's write lasts a moment; a thread waits for it, not the loop.
_BUSY_SECONDS = 15
# A machine that vanished says nothing: without these the kernel waits a quarter of an hour for it.
_VANISHED_AFTER = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds, where libpq counts all others in seconds
}
_CLOCK = {
    "postgresql": "extract(epoch from clock_timestamp())::double precision",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}
_LOCK_KEY = 7_145_201_908  # any number, the same in each control plane of one database

Answer = TypeVar("Answer")


class DatabaseUnreachable(Exception):
    """The database did not come back in time."""

    hint = "start the database that CONTROL_DATABASE_URL names, then ask again"


class UnknownDatabase(ValueError):
    """A database URL that cannot be used; says which can."""


def database_url(url: SecretStr) -> URL:
    """Read CONTROL_DATABASE_URL with the driver that is used here.

    Raises:
        UnknownDatabase: it is neither SQLite nor PostgreSQL, or its password cannot be told apart.
    """
    address = url.get_secret_value()
    try:
        parsed = make_url(address)
    except Exception as error:  # SQLAlchemy raises many kinds for what is no URL
        raise UnknownDatabase("not a database URL") from error
    if parsed.drivername not in _DRIVERS:
        raise UnknownDatabase("only sqlite:///FILE and postgresql://USER@HOST/NAME are supported")
    if parsed.get_backend_name() != "sqlite" and _has_torn_password(address):
        raise UnknownDatabase("CONTROL_DATABASE_URL: write an @ inside the password as %40")
    return parsed.set(drivername=_DRIVERS[parsed.drivername])


def _has_torn_password(address: str) -> bool:
    """Tell whether what follows an @ in the password was taken for the host, which is shown."""
    _user, _, password_and_host = address.partition("://")[2].partition(":")
    return password_and_host.count("@") > 1


class Database:
    """One engine; every unit of work is short, and done again when the connection broke."""

    def __init__(self, url: SecretStr) -> None:
        parsed = database_url(url)
        self.dialect = parsed.get_backend_name()
        self.engine = _engine(parsed)
        # Now, in Unix seconds, as an expression: control planes whose clocks differ agree on it.
        self.clock: ColumnElement[float] = literal_column(_CLOCK[self.dialect], Float)
        # SQLite has one writer; waiting here costs nothing, waiting in its busy handler sleeps.
        self._turn = asyncio.Lock() if self.dialect == "sqlite" else contextlib.nullcontext()

    async def read(self, work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
        """Do a piece of reading.

        Raises:
            DatabaseUnreachable: it stayed away for 20 seconds, or the queue for it took 45.
        """
        return await self._do(work, self._reading)

    async def write(
        self, work: Callable[[AsyncConnection], Awaitable[Answer]], *, alone: bool = False
    ) -> Answer:
        """Do a piece of writing in one transaction; `alone`, with no other `alone` beside it.

        The work may be done twice when the connection breaks while committing, so it must say
        the same thing the second time.

        Raises:
            DatabaseUnreachable: it stayed away for 20 seconds, or the queue for it took 45.
        """
        return await self._do(work, self._exclusive if alone else self._writing)

    async def lasting_connection(self) -> AsyncConnection:
        """Open a connection outside transactions, for whoever holds something by it."""
        connection = await self.engine.connect()
        return await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def close(self) -> None:
        """Give back every connection."""
        await self.engine.dispose()

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.connect() as connection:
            yield await connection.execution_options(reads=True)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        async with self._turn, self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[AsyncConnection]:
        async with self._writing() as connection:
            if self.dialect == "postgresql":
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})"))
            yield connection

    async def _do(
        self, work: Callable[[AsyncConnection], Awaitable[Answer]], opened: Callable[[], Any]
    ) -> Answer:
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(_is_away),
                stop=stop_after_delay(PATIENCE_SECONDS),
                wait=wait_random_exponential(0.05, max=1.0),
                before_sleep=_Notice(),
                reraise=True,
            ):
                with attempt:
                    async with opened() as connection:
                        return await work(connection)
        except (DBAPIError, PoolTimeout, OSError) as error:
            if _is_away(error):
                _log.warning("the database cannot be reached: %s", _words(error))
                raise DatabaseUnreachable("the database cannot be reached") from error
            raise
        raise AssertionError("unreachable: the loop returns or raises")


class _Notice:
    """Says once that the database is waited for, however long one try takes."""

    def __init__(self) -> None:
        self._is_given = False

    def __call__(self, tries: RetryCallState) -> None:
        """Look after a try that failed whether it is time to say so."""
        error = tries.outcome and tries.outcome.exception()
        waited = tries.seconds_since_start or 0.0
        if not error or self._is_given or waited < _TOLD_AFTER_SECONDS:
            return
        self._is_given = True
        _log.warning(
            "the database cannot be reached yet, trying for %.0f s in all: %s",
            PATIENCE_SECONDS,
            _words(error),
        )


def _words(error: BaseException) -> str:
    """Give the driver's reason in one line; it names host, database and user, never a password."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _is_away(error: BaseException) -> bool:
    if isinstance(error, PoolTimeout | ConnectionError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    # A missing table is an OperationalError on SQLite; waiting does not make it.
    lasting = "no such table" in str(error.orig) or "no such column" in str(error.orig)
    return (
        error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    ) and not lasting


def _engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() == "postgresql":
        return create_async_engine(
            url,
            # None made for a moment only: in a burst, waiting is quicker than connecting. Ten for
            # work, and one that holds the lead.
            pool_size=11,
            max_overflow=0,
            pool_timeout=_QUEUE_SECONDS,
            pool_pre_ping=True,
            connect_args=_VANISHED_AFTER,
            hide_parameters=True,
        )
    if url.database and url.database != ":memory:":
        _make_private(Path(url.database))
    engine = create_async_engine(
        url,
        connect_args={"timeout": _BUSY_SECONDS},
        hide_parameters=True,
        # A connection is a thread: a few, and none made for a moment only.
        pool_size=6,
        max_overflow=0,
        pool_timeout=_QUEUE_SECONDS,
    )
    _teach_sqlite(engine)
    return engine


def _make_private(path: Path) -> None:
    """Let the file's owner alone read it: SQLite gives the files beside it the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # connecting says what is wrong
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        path.chmod(0o600)


def _teach_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # We say BEGIN ourselves: the driver's own would read first and then fail to write.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begun(connection: Any) -> None:
        connection.exec_driver_sql(
            "BEGIN" if connection.get_execution_options().get("reads") else "BEGIN IMMEDIATE"
        )
