"""Tenants, what is kept about them, calls, usage records and audits."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_API_KEY_IN_SQL = {
    "postgresql": "(settings #>> '{livekit,api_key}')",
    "sqlite": "json_extract(settings, '$.livekit.api_key')",
}


def upgrade() -> None:
    _make_clients()
    op.create_table(
        "notices",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("problem", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "checks",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("exit_code", sa.Integer, nullable=False),
        sa.Column("report", _JSON, nullable=True),
        sa.Column("problem", sa.Text, nullable=True),
    )
    _make_calls()
    op.create_table(
        "usage_records",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("job_id", sa.Text, primary_key=True),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("record", _JSON, nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
    )
    op.create_index("usage_by_start", "usage_records", ["started_at"])
    op.create_table(
        "audits",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("report", _JSON, nullable=False),
    )


def downgrade() -> None:
    for table in ("audits", "usage_records", "calls", "checks", "notices", "clients"):
        op.drop_table(table)


def _make_clients() -> None:
    now = sa.func.now()
    op.create_table(
        "clients",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("settings", _JSON, nullable=False, server_default="{}"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
    )
    key = _API_KEY_IN_SQL[op.get_bind().dialect.name]
    op.execute(f"CREATE INDEX clients_by_api_key ON clients ({key})")


def _make_calls() -> None:
    op.create_table(
        "calls",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=True),
        sa.Column("body_digest", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("room", sa.Text, nullable=False),
        sa.Column("makes_room", sa.Boolean, nullable=False),
        sa.Column("request_sealed", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=True),
        sa.Column("dispatch_id", sa.Text, nullable=True),
        sa.Column("agent_identity", sa.Text, nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("answer_sealed", sa.Text, nullable=True),
        sa.Column("answered_at", sa.Float, nullable=True),
        sa.Column("owner", sa.Text, nullable=True),
        sa.Column("lease_until", sa.Float, nullable=False, server_default="0"),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float, nullable=True),
        sa.UniqueConstraint("tenant_id", "idempotency_key", name="calls_idempotency"),
    )
    op.create_index("calls_by_state", "calls", ["state", "lease_until"])
    op.create_index("calls_by_room", "calls", ["tenant_id", "room"])
