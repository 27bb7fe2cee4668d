"""What the tests of calls on record share: a database of each kind, at a time that stands still."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from control.storage.database import Database
from control.storage.migrate import migrate
from tests.control.calls.stored import NOW, set_clock


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open an empty database at the newest step, whose clock stands at NOW."""
    database = Database(SecretStr(database_url))
    await migrate(database)
    set_clock(database, NOW)
    yield database
    await database.close()
