"""The table `clients` in SQL: rows read with whoever shares their key, written sealed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from control.storage.tables import API_KEY_IN_SQL, checks, clients, notices


@dataclass(frozen=True)
class TenantRow:
    """One row as it stands; `sharers` are the other tenants with the same API key."""

    id: str
    name: str
    enabled: bool
    settings: Any = field(repr=False)
    sharers: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


async def read_one(connection: AsyncConnection, tenant_id: str) -> TenantRow | None:
    """Read one row, and by the index one of those who share its key, in one look."""
    other, same = clients.alias("other"), API_KEY_IN_SQL[connection.dialect.name]
    sharer = (
        select(func.min(other.c.id))
        .where(text(f"{same.format('other')} = {same.format('clients')}"))
        .where(other.c.id != clients.c.id)
        .correlate(clients)
        .scalar_subquery()
        .label("sharer")
    )
    found = await connection.execute(select(clients, sharer).where(clients.c.id == tenant_id))
    row = found.first()
    if row is None:
        return None
    sharers = () if row.sharer is None else (row.sharer,)
    return TenantRow(row.id, row.name, bool(row.enabled), row.settings, sharers)


async def read_notices(connection: AsyncConnection, tenant_id: str) -> tuple[str, ...]:
    """Read what was noticed about a tenant."""
    query = select(notices.c.problem).where(notices.c.tenant_id == tenant_id)
    return tuple((await connection.execute(query)).scalars().all())


async def read_all(connection: AsyncConnection) -> tuple[TenantRow, ...]:
    """Read every row, in the order of their ids."""
    rows = (await connection.execute(select(clients).order_by(clients.c.id))).all()
    problems: dict[str, list[str]] = {}
    for notice in (await connection.execute(select(notices))).all():
        problems.setdefault(notice.tenant_id, []).append(notice.problem)
    owners: dict[str, list[str]] = {}
    for row in rows:
        if (key := _api_key(row.settings)) is not None:
            owners.setdefault(key, []).append(row.id)
    return tuple(
        TenantRow(
            row.id,
            row.name,
            bool(row.enabled),
            row.settings,
            tuple(
                owner for owner in owners.get(_api_key(row.settings) or "", ()) if owner != row.id
            ),
            tuple(problems.get(row.id, ())),
        )
        for row in rows
    )


async def read_keys(connection: AsyncConnection) -> tuple[str, ...]:
    """Read every tenant's API key."""
    key = _key_of(connection)
    found = await connection.execute(select(key).select_from(clients))
    return tuple(str(owner) for owner in found.scalars() if owner)


async def find_owner(connection: AsyncConnection, api_key: str, but: str) -> str | None:
    """Name another tenant that has this API key."""
    key = _key_of(connection)
    found = select(clients.c.id).where(key == api_key, clients.c.id != but).limit(1)
    return (await connection.execute(found)).scalar()


async def write(
    connection: AsyncConnection,
    tenant_id: str,
    name: str | None,
    enabled: bool | None,
    settings: Mapping[str, Any] | None,
) -> bool:
    """Make or change a row; what is None stays as it is. Tells whether it was made."""
    given = {"name": name, "enabled": enabled, "settings": settings}
    values = {column: value for column, value in given.items() if value is not None}
    if settings is not None:  # a new secret is no longer one that lay open
        await connection.execute(delete(notices).where(notices.c.tenant_id == tenant_id))
    changed = await connection.execute(
        update(clients).where(clients.c.id == tenant_id).values(updated_at=func.now(), **values)
    )
    if changed.rowcount:
        return False
    await connection.execute(insert(clients).values(id=tenant_id, **values))
    return True


async def remove(connection: AsyncConnection, tenant_id: str) -> bool:
    """Remove a row and what was kept about it; calls and usage stay. Tells whether it was there."""
    for table in (checks, notices):
        await connection.execute(delete(table).where(table.c.tenant_id == tenant_id))
    gone = await connection.execute(delete(clients).where(clients.c.id == tenant_id))
    return bool(gone.rowcount)


async def replace_secret(
    connection: AsyncConnection, tenant_id: str, path: Sequence[str], old: str, new: str
) -> bool:
    """Put a sealed text where another stood, unless it has changed meanwhile."""
    if connection.dialect.name == "postgresql":
        statement = (
            "UPDATE clients SET settings = jsonb_set(settings, CAST(:path AS text[]),"
            " to_jsonb(CAST(:new AS text)))"
            " WHERE id = :id AND settings #>> CAST(:path AS text[]) = :old"
        )
        where: Any = list(path)
    else:
        statement = (
            "UPDATE clients SET settings = json_set(settings, :path, :new)"
            " WHERE id = :id AND json_extract(settings, :path) = :old"
        )
        where = "$" + "".join(f'."{name}"' for name in path)
    values = {"path": where, "new": new, "old": old, "id": tenant_id}
    return bool((await connection.execute(text(statement), values)).rowcount)


async def note(connection: AsyncConnection, tenant_id: str, problem: str, at: float) -> None:
    """Keep a notice about a tenant until its settings are registered anew."""
    known = await connection.execute(
        select(notices.c.problem).where(
            notices.c.tenant_id == tenant_id, notices.c.problem == problem
        )
    )
    if known.first() is None:
        await connection.execute(
            insert(notices).values(tenant_id=tenant_id, problem=problem, at=at)
        )


def _key_of(connection: AsyncConnection) -> ColumnElement[str]:
    # Written out, not bound: only so does the database see that its index fits.
    return literal_column(API_KEY_IN_SQL[connection.dialect.name].format("clients"), Text)


def _api_key(settings: Any) -> str | None:
    livekit = settings.get("livekit") if isinstance(settings, Mapping) else None
    key = livekit.get("api_key") if isinstance(livekit, Mapping) else None
    return key if isinstance(key, str) and key else None
