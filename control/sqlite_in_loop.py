"""SQLite without threads: its statements take microseconds, a hand-over to a thread milliseconds.

On a busy machine the usual driver's hand-overs made two hundred calls wait most of a minute.
"""

import sqlite3
from typing import Any

from sqlalchemy import AsyncAdaptedQueuePool, Pool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import URL
from sqlalchemy.util import await_only

NAME = "sqlite+inloop"


class _Cursor(sqlite3.Cursor):
    """A cursor with the one word more that SQLAlchemy says to asynchronous ones."""

    async def _async_soft_close(self) -> None:
        """Hold nothing back: the rows are in memory."""


class InLoopConnection(sqlite3.Connection):
    """A connection that gives such cursors; to be named as `factory` when connecting."""

    def cursor(self, factory: Any = _Cursor) -> Any:
        """Open a cursor."""
        return super().cursor(factory)


class InLoopSqlite(SQLiteDialect_pysqlite):
    """The standard library's driver, called in the event loop itself."""

    driver = "inloop"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, _url: URL) -> type[Pool]:
        """Choose the pool that waits for a connection without blocking the loop."""
        return AsyncAdaptedQueuePool

    def do_execute(self, *args: Any, **more: Any) -> None:
        """Run a statement; SQLAlchemy wants to see that something was awaited."""
        super().do_execute(*args, **more)  # type: ignore[no-untyped-call]  # SQLAlchemy's
        await_only(_nothing())

    def do_executemany(self, *args: Any, **more: Any) -> None:
        """Run a statement for many rows."""
        super().do_executemany(*args, **more)  # type: ignore[no-untyped-call]  # SQLAlchemy's
        await_only(_nothing())


async def _nothing() -> None:
    """Take no time."""


registry.register("sqlite.inloop", __name__, InLoopSqlite.__name__)
