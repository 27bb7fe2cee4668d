"""A child of the tests: reads a database whose machine vanishes, and comes back.

Usage: unshare --net python -m tests.control.vanishing. The network is this program's own, so that
taking its only link down cuts nobody else. It ends with 0 when both were told as they should be.
"""

import asyncio
import subprocess

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from control.storage.database import Database, DatabaseUnreachable
from tests.control.postgres import RunningPostgres

_HANGING_SECONDS = 50.0


async def main() -> None:
    """Read, lose the link, be told so, have it again, and read."""
    _link("up")
    server = RunningPostgres()
    database = Database(SecretStr(server.empty_database()))
    try:
        assert await database.read(_answer) == 1
        _link("down")
        try:
            # By the connection that was good a moment ago, which nobody tells of what happened.
            async with asyncio.timeout(_HANGING_SECONDS):
                await database.read(_answer)
        except DatabaseUnreachable:
            print("told", flush=True)
        _link("up")
        assert await database.read(_answer) == 1
        print("read again", flush=True)
    finally:
        _link("up")
        await database.close()
        server.close()


async def _answer(connection: AsyncConnection) -> object:
    return (await connection.execute(text("SELECT 1"))).scalar()


def _link(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


if __name__ == "__main__":
    asyncio.run(main())
