"""The control plane's tables, the same on SQLite and PostgreSQL; migrations make them."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

JSON_VALUE = JSON().with_variant(JSONB(), "postgresql")

clients = Table(
    "clients",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("settings", JSON_VALUE, nullable=False, server_default="{}"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

# How an API key is read inside SQL; the migration indexes the same words, so that one look finds
# who shares a key. No unique index: the operator's SQL must work, and be found at call time.
API_KEY_IN_SQL = {
    "postgresql": "{0}.settings #>> '{{livekit,api_key}}'",
    "sqlite": "json_extract({0}.settings, '$.livekit.api_key')",
}

notices = Table(
    "notices",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("problem", Text, primary_key=True),
    Column("at", Float, nullable=False),
)

checks = Table(
    "checks",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("exit_code", Integer, nullable=False),
    Column("report", JSON_VALUE, nullable=True),
    Column("problem", Text, nullable=True),
)

calls = Table(
    "calls",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("idempotency_key", Text, nullable=True),
    Column("body_digest", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("room", Text, nullable=False),
    Column("makes_room", Boolean, nullable=False),
    Column("request_sealed", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("cause", Text, nullable=True),
    Column("dispatch_id", Text, nullable=True),
    Column("agent_identity", Text, nullable=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("answer_sealed", Text, nullable=True),
    Column("answered_at", Float, nullable=True),
    Column("owner", Text, nullable=True),
    Column("lease_until", Float, nullable=False, server_default="0"),
    Column("created_at", Float, nullable=False),
    Column("ended_at", Float, nullable=True),
    UniqueConstraint("tenant_id", "idempotency_key", name="calls_idempotency"),
    Index(
        "calls_open",
        "owner",
        "lease_until",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index(
        "calls_ended",
        "ended_at",
        sqlite_where=text("ended_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NOT NULL"),
    ),
    Index(
        "calls_answered",
        "answered_at",
        sqlite_where=text("answer_sealed IS NOT NULL"),
        postgresql_where=text("answer_sealed IS NOT NULL"),
    ),
    Index("calls_by_room", "tenant_id", "room"),
)

usage_records = Table(
    "usage_records",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    Column("started_at", Text, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("record", JSON_VALUE, nullable=False),
    Column("received_at", Float, nullable=False),
    Index("usage_by_start", "started_at"),
)

# What must outlive the sealing keys: each sealed under the first of them, opened by any.
sealed_keys = Table(
    "sealed_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sealed", Text, nullable=False),
)

audits = Table(
    "audits",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("report", JSON_VALUE, nullable=False),
)
