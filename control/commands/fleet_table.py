"""The fleet's rows for a terminal: one line a tenant, and below what a person should look at."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from control.fleet.rows import FleetRow

_STYLES = {
    "ready": "green",
    "full": "cyan",
    "faulty": "bold red",
    "stopped": "bold red",
    "disabled": "dim",
    "deleted": "dim",
    "not": "dim",
}
# What may stay as it is: nobody has to do anything, and nothing is under way.
_CALM = frozenset({"ready", "full", "disabled", "deleted", "not"})


def render(rows: Sequence[FleetRow]) -> RenderableType:
    """Draw one line a tenant; causes are sentences, so they have the whole width below."""
    table = Table(box=None, pad_edge=False)
    # Where the terminal is narrow, ids go on in a next line, hosts are cut, the rest stays whole.
    table.add_column("tenant", overflow="fold")
    table.add_column("project", overflow="ellipsis")
    table.add_column("state", no_wrap=True)
    for name in ("calls", "memory", "restarts"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.tenant,
            row.project,
            Text(row.state, style=_style(row)),
            f"{row.calls}/{row.max_calls}",
            _memory(row.memory_bytes),
            str(row.restarts),
        )
    causes = [_cause(row) for row in rows if row.last_cause]
    return Group(table, *([Text("\nlast cause"), *causes] if causes else []))


def summarize(rows: Sequence[FleetRow], at: datetime) -> Text:
    """Say in a line how the whole fleet stands."""
    states = Counter(row.state.split(" in ")[0].split(" (")[0] for row in rows)
    tally = ", ".join(f"{count} {state}" for state, count in states.most_common())
    calls = sum(row.calls for row in rows)
    memory = _memory(sum(row.memory_bytes or 0 for row in rows))
    parts = [f"{len(rows)} tenants", *([tally] if tally else []), f"{calls} calls", memory]
    return Text(f"{at:%H:%M:%S}  {' · '.join(parts)}", style="bold")


def needs_a_look(row: FleetRow) -> bool:
    """Tell whether something is wrong with a tenant, or on its way to be right."""
    return _word(row) not in _CALM


def _word(row: FleetRow) -> str:
    return row.state.split(" ")[0]


def _style(row: FleetRow) -> str:
    return _STYLES.get(_word(row), "yellow")


def _cause(row: FleetRow) -> Text:
    return Text.assemble((f"{row.tenant}: ", _style(row)), row.last_cause)


def _memory(size: int | None) -> str:
    return "" if size is None else f"{size / 2**20:.0f} MiB"
