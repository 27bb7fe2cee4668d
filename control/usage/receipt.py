"""Receives usage records: proves whose they are, keeps each call's once."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.usage import SCHEMA, CallOutcome, is_signed
from control.storage.database import Database
from control.storage.tables import usage_records
from control.tenants.registry import Registry

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)")
_LONGEST_NAME = 256


class UnsignedUsage(Exception):
    """The signature is not that of the tenant's worker, or too old."""

    hint = "sign the body with the tenant's USAGE_SECRET, as contract.usage.sign does"


class MalformedUsage(Exception):
    """A body that is no usage record of this tenant; says why."""

    hint = "send one record as its worker wrote it"


class UsageReceipt:
    """Keeps records; one that comes again changes nothing, a complete one replaces a snapshot."""

    def __init__(self, database: Database, registry: Registry) -> None:
        self._database, self._registry = database, registry

    async def receive(self, tenant_id: str, body: bytes, signature: str) -> bool:
        """Keep a record; tells whether it was new.

        Raises:
            UnsignedUsage: it is not from the tenant's worker.
            MalformedUsage: it is no record, or another tenant's.
            Unsealable: the key that would tell cannot be opened; the worker asks again.
        """
        secret = await self._registry.usage_secret(tenant_id)
        now = time.time()
        if not is_signed(body, signature, secret.get_secret_value(), now):
            raise UnsignedUsage("the signature does not open this tenant's usage")
        record = _record(body, tenant_id)

        async def write(connection: AsyncConnection) -> bool:
            return await _keep(connection, tenant_id, record, now)

        try:
            return await self._database.write(write)
        except IntegrityError:  # the same record twice at the same moment
            return await self._database.write(write)


async def _keep(
    connection: AsyncConnection, tenant_id: str, record: Mapping[str, Any], now: float
) -> bool:
    values = {
        "started_at": record["started_at"],
        "complete": record["complete"],
        "record": dict(record),
        "received_at": now,
    }
    mine = (usage_records.c.tenant_id == tenant_id) & (usage_records.c.job_id == record["job_id"])
    known = (await connection.execute(select(usage_records.c.complete).where(mine))).first()
    if known is None:
        await connection.execute(
            insert(usage_records).values(tenant_id=tenant_id, job_id=record["job_id"], **values)
        )
        return True
    if record["complete"] and not known.complete:
        await connection.execute(update(usage_records).where(mine).values(values))
    return False


def _record(body: bytes, tenant_id: str) -> Mapping[str, Any]:
    try:
        record = json.loads(body, parse_constant=_refuse)
    except ValueError:
        raise MalformedUsage("not JSON") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise MalformedUsage(f"not a record of schema {SCHEMA}")
    if record.get("tenant") != tenant_id:
        raise MalformedUsage("the record is another tenant's")
    for name in ("job_id", "room", "agent_name", "project_host", "key_fingerprint"):
        text = record.get(name)
        if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_NAME:
            raise MalformedUsage(f"{name} is missing or too long")
    _hold(record)
    return record


def _hold(record: Mapping[str, Any]) -> None:
    for name in ("started_at", "ended_at"):
        if not isinstance(record.get(name), str) or not _TIME.fullmatch(record[name]):
            raise MalformedUsage(f"{name} is no UTC time in ISO 8601")
    if not isinstance(record.get("complete"), bool):
        raise MalformedUsage("complete is neither true nor false")
    if record.get("outcome") not in tuple(CallOutcome):
        raise MalformedUsage("the outcome is none of the known ones")
    if not _is_number(record.get("seconds")):
        raise MalformedUsage("seconds is no number")
    models = record.get("models")
    if not isinstance(models, list) or not all(_is_model(model) for model in models):
        raise MalformedUsage("models is no list of what models did")


def _is_model(model: Any) -> bool:
    counts = ("tokens_in", "tokens_out", "characters", "audio_seconds")
    return (
        isinstance(model, dict)
        and isinstance(model.get("kind"), str)
        and isinstance(model.get("name"), str)
        and all(_is_number(model.get(name, 0)) for name in counts)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _refuse(name: str) -> Any:
    raise MalformedUsage(f"{name} is not JSON")
