"""Brings a database to the newest step; several control planes may try at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from control.storage.database import Database

_FOLDER = Path(__file__).parent / "migrations"


async def migrate(database: Database) -> None:
    """Run the steps that are missing; none is fine.

    Raises:
        DatabaseUnreachable: the database stayed away.
    """
    await database.write(_upgrade, alone=True)


async def _upgrade(connection: AsyncConnection) -> None:
    await connection.run_sync(_run)


def _run(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
