"""Holds the kept usage records against whose project they name."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from control.audit.findings import AuditFinding, AuditOutcome, Question
from control.storage.database import Database
from control.storage.tables import usage_records
from control.tenants.tenant import Tenant


@dataclass(frozen=True)
class Origin:
    """From where some of a tenant's records come, in the records' own words."""

    tenant: str
    said_tenant: str
    project_host: str
    key_fingerprint: str
    records: int


async def origins(database: Database) -> tuple[Origin, ...]:
    """Read from where each tenant's kept records come."""

    async def work(connection: AsyncConnection) -> tuple[Origin, ...]:
        record = usage_records.c.record
        columns = (
            usage_records.c.tenant_id,
            record["tenant"].as_string(),
            record["project_host"].as_string(),
            record["key_fingerprint"].as_string(),
        )
        found = await connection.execute(select(*columns, func.count()).group_by(*columns))
        return tuple(Origin(*row) for row in found)

    return await database.read(work)


def judge_usage(tenant: Tenant, tenants: Sequence[Tenant], found: Sequence[Origin]) -> AuditFinding:
    """Tell whether a tenant's records are all of its own project."""
    mine = [origin for origin in found if origin.tenant == tenant.id]
    outcome, detail = AuditOutcome.PROVEN, f"{sum(o.records for o in mine)} records, all its own"
    for origin in mine:
        judged = _judge(origin, tenant, tenants)
        if judged is not None and outcome is not AuditOutcome.DISPROVEN:
            outcome, detail = judged
    return AuditFinding(Question.USAGE, tenant.id, None, outcome, detail)


def _judge(
    origin: Origin, tenant: Tenant, tenants: Sequence[Tenant]
) -> tuple[AuditOutcome, str] | None:
    """Say what is wrong with an origin; None when nothing is."""
    if origin.said_tenant != tenant.id:
        return AuditOutcome.DISPROVEN, f"{origin.records} records name {origin.said_tenant!r}"
    own = tenant.credentials
    for other in tenants:
        if other.id == tenant.id or other.livekit is None:
            continue
        if other.livekit.fingerprint == origin.key_fingerprint or (
            other.livekit.host == origin.project_host != own.host
        ):
            return AuditOutcome.DISPROVEN, f"{origin.records} records are of {other.id}'s project"
    # The same host under an unknown key is an earlier key of the same project.
    if origin.project_host == own.host:
        return None
    return (
        AuditOutcome.UNPROVEN,
        f"{origin.records} records of {origin.project_host}, where it may have been before",
    )
