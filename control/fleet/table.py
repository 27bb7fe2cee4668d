"""The fleet's rows as a table for a terminal."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from control.fleet.rows import Row

_COLUMNS = ("tenant", "project", "state", "calls", "memory", "restarts", "last cause")
_STYLES = {
    "ready": "green",
    "full": "cyan",
    "faulty": "bold red",
    "stopped": "bold red",
    "disabled": "dim",
    "deleted": "dim",
}


def render(rows: Sequence[Row]) -> Table:
    """Draw one line a tenant."""
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for row in rows:
        state = Text(row.state, style=_STYLES.get(row.state.split(" ")[0], "yellow"))
        table.add_row(
            row.tenant,
            row.project,
            state,
            f"{row.calls}/{row.max_calls}",
            _memory(row.memory_bytes),
            str(row.restarts),
            Text(row.last_cause),
        )
    return table


def _memory(size: int | None) -> str:
    return "" if size is None else f"{size / 2**20:.0f} MiB"
