"""`status --watch`: the fleet as it stands now, again and again, until Ctrl-C."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from control.commands import fleet_table
from control.fleet.rows import FleetRow
from control.launchers.launcher import LauncherFault
from control.storage.database import DatabaseUnreachable

_PAUSE_SECONDS = 2.0
# The line about the whole fleet, the heads of both lists, and the line about who is not shown.
_LINES_AROUND = 6

Look = Callable[[], Awaitable[Sequence[FleetRow]]]


async def watch(look: Look, console: Console, *, pause_seconds: float = _PAUSE_SECONDS) -> None:
    """Show on a terminal what each look finds; a look that fails is told, the last one stays."""
    rows: Sequence[FleetRow] = ()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            fault = ""
            try:
                rows = await look()
            except (LauncherFault, DatabaseUnreachable) as error:
                fault = f"{error}; what is below was seen before"
            shown = _fitting(rows, console.height, fault)
            live.update(shown, refresh=True)
            await asyncio.sleep(pause_seconds)


async def tell(look: Look, console: Console, *, as_json: bool) -> None:
    """Print what each look finds, for a program that reads along: one JSON line a look, or text."""
    while True:
        rows = await look()
        if as_json:
            print(json.dumps([row.as_json() for row in rows]), flush=True)
        else:
            console.print(fleet_table.summarize(rows, datetime.now()), fleet_table.render(rows), "")
        await asyncio.sleep(_PAUSE_SECONDS)


def _fitting(rows: Sequence[FleetRow], height: int, fault: str) -> RenderableType:
    """Draw what fits: those that a person should look at come first."""
    ordered = sorted(rows, key=lambda row: not fleet_table.needs_a_look(row))
    shown = ordered[: _most_shown(ordered, height)]
    parts: list[RenderableType] = [fleet_table.summarize(rows, datetime.now())]
    if fault:
        parts.append(Text(fault, style="bold red"))
    parts += [Text(""), fleet_table.render(shown)]
    if hidden := ordered[len(shown) :]:
        worrying = sum(fleet_table.needs_a_look(row) for row in hidden)
        parts.append(Text(f"… and {len(hidden)} more, {worrying} of which need a look"))
    return Group(*parts)


def _most_shown(rows: Sequence[FleetRow], height: int) -> int:
    """Count how many fit, each with its cause's line."""
    left = height - _LINES_AROUND
    for count, row in enumerate(rows):
        left -= 2 if row.last_cause else 1
        if left < 0:
            return max(1, count)
    return len(rows)
