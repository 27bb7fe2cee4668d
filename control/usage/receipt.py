"""Receives usage records: proves whose they are, keeps each call's once."""

import time
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.records.signature import is_signed
from contract.records.usage import SCHEMA, UsageRecord
from control.storage.database import Database
from control.storage.tables import usage_records
from control.tenants.registry import Registry


class UnsignedUsage(Exception):
    """The signature is not that of the tenant's worker, or too old."""

    hint = "sign the body with the tenant's USAGE_SECRET, as docs/usage.md says"


class MalformedUsage(Exception):
    """A body that is no usage record of this tenant; says why, and repeats nothing of it."""

    hint = "send one record as its worker wrote it"


@dataclass(frozen=True)
class _Head:
    """What every record names, whichever else belongs to its schema."""

    schema: Literal[1]


_HEADS, _RECORDS = TypeAdapter(_Head), TypeAdapter(UsageRecord)


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
        record = read_record(body, tenant_id)

        async def write(connection: AsyncConnection) -> bool:
            return await _keep(connection, record, now)

        try:
            return await self._database.write(write)
        except IntegrityError:  # the same record twice at the same moment
            return await self._database.write(write)


def read_record(body: bytes, tenant_id: str) -> UsageRecord:
    """Read a tenant's record; names that its type does not have are left out.

    Raises:
        MalformedUsage: naming the first field that is not as it must be.
    """
    try:
        _HEADS.validate_json(body, strict=True)
        record = _RECORDS.validate_json(body, strict=True)
    except ValidationError as error:
        raise MalformedUsage(_cause(error)) from None
    if record.tenant != tenant_id:
        raise MalformedUsage("the record is another tenant's")
    return record


def _cause(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    if first["type"] == "json_invalid":
        return "not JSON"
    if place in ("", "schema"):
        return f"not a record of schema {SCHEMA}"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"


async def _keep(connection: AsyncConnection, record: UsageRecord, now: float) -> bool:
    values = {
        "started_at": record.started_at,
        "complete": record.complete,
        "record": record.as_json(),
        "received_at": now,
    }
    key = {"tenant_id": record.tenant, "job_id": record.job_id}
    mine = (usage_records.c.tenant_id == record.tenant) & (usage_records.c.job_id == record.job_id)
    known = (await connection.execute(select(usage_records.c.complete).where(mine))).first()
    if known is None:
        await connection.execute(insert(usage_records).values(**key, **values))
        return True
    if record.complete and not known.complete:
        await connection.execute(update(usage_records).where(mine).values(values))
    return False
