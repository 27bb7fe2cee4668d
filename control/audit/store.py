"""Keeps the last audits, so that the one who asks later need not run one."""

import time

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from control.audit.findings import Audit, parse
from control.storage.database import Database
from control.storage.tables import audits

_KEPT_SECONDS = 90 * 24 * 3600


async def keep(database: Database, audit: Audit) -> None:
    """Write an audit down; those older than 90 days go."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(delete(audits).where(audits.c.at < time.time() - _KEPT_SECONDS))
        await connection.execute(insert(audits).values(at=audit.at, report=audit.as_json()))

    await database.write(work)


async def last(database: Database) -> Audit | None:
    """Read the last audit; None when there has been none."""

    async def work(connection: AsyncConnection) -> Audit | None:
        newest = select(audits.c.report).order_by(audits.c.at.desc()).limit(1)
        report = (await connection.execute(newest)).scalar_one_or_none()
        return None if report is None else parse(report)

    return await database.read(work)
