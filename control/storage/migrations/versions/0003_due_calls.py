"""Indexes for whatever looks for calls that are due, however many have ended."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.drop_index("calls_by_state", "calls")
    _index("calls_open", ["owner", "lease_until"], "ended_at IS NULL")
    _index("calls_ended", ["ended_at"], "ended_at IS NOT NULL")
    _index("calls_answered", ["answered_at"], "answer_sealed IS NOT NULL")


def _index(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "calls", columns, sqlite_where=condition, postgresql_where=condition)
