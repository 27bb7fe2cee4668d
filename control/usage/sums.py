"""Adds up usage records per tenant, day and model."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from control.storage.database import Database
from control.storage.tables import usage_records

_NO_MODEL = ""


@dataclass
class Sum:
    """What one tenant used of one model on one day (UTC); calls are counted under every model.

    A call that used no model stands under an empty name, so that no call is missing.
    """

    tenant: str
    day: str
    kind: str
    model: str
    calls: int = 0
    seconds: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    characters: int = 0
    audio_seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Give the sum as plain JSON values."""
        return asdict(self)


COLUMNS = tuple(field.name for field in fields(Sum))


async def read_sums(database: Database, since: datetime, tenant: str | None) -> tuple[Sum, ...]:
    """Sum the kept records of calls that began at or after a time."""

    async def work(connection: AsyncConnection) -> tuple[Sum, ...]:
        wanted = select(usage_records.c.tenant_id, usage_records.c.record)
        if tenant is not None:
            wanted = wanted.where(usage_records.c.tenant_id == tenant)
        # Text compares as time only roughly, by time zone; what is too early is left out below.
        roughly = (since.astimezone(UTC) - timedelta(days=1)).date().isoformat()
        wanted = wanted.where(usage_records.c.started_at >= roughly)
        return add_up(await connection.execute(wanted), since)

    return await database.read(work)


def add_up(records: Iterable[Any], since: datetime) -> tuple[Sum, ...]:
    """Add up (tenant, record) pairs; records are the worker's JSON objects."""
    found: dict[tuple[str, str, str, str], Sum] = {}
    for tenant, record in records:
        started = _time(str(record["started_at"]))
        if started < since:
            continue
        day = started.astimezone(UTC).date().isoformat()
        for model in record.get("models") or [{}]:
            key = (tenant, day, str(model.get("kind", "")), str(model.get("name", _NO_MODEL)))
            _add(found.setdefault(key, Sum(*key)), record, model)
    return tuple(found[key] for key in sorted(found))


def _add(total: Sum, record: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    total.calls += 1
    total.seconds += float(record.get("seconds", 0.0))
    total.tokens_in += int(model.get("tokens_in", 0))
    total.tokens_out += int(model.get("tokens_out", 0))
    total.characters += int(model.get("characters", 0))
    total.audio_seconds += float(model.get("audio_seconds", 0.0))


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
