"""`python -m control usage`: what each tenant used, per day and model."""

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from control import settings
from control.storage.database import Database
from control.usage.sums import COLUMNS, Sum, read_sums


def show_usage(
    since: Annotated[str, typer.Option(help="2026-11-01, a time, or 7d for the last 7 days.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant.")] = None,
    env_file: Annotated[Path | None, typer.Option(help="Settings of the control plane.")] = None,
) -> None:
    """Sum the usage records per tenant, day (UTC) and model."""
    try:
        begin = parse_since(since, datetime.now(UTC))
    except ValueError:
        raise typer.BadParameter(f"{since!r} is not like 2026-11-01 or 7d") from None
    sums = asyncio.run(_read(settings.read(env_file), begin, tenant))
    if as_csv:
        typer.echo(write_csv(sums), nl=False)
    elif as_json:
        typer.echo(json.dumps([row.as_json() for row in sums], indent=2))
    else:
        Console().print(draw(sums))


async def _read(
    read: settings.ControlSettings, begin: datetime, tenant: str | None
) -> Sequence[Sum]:
    database = Database(read.database_url)
    try:
        return await read_sums(database, begin, tenant)
    finally:
        await database.close()


def parse_since(text: str, now: datetime) -> datetime:
    """Read a date, a time, or a number of days before now (`7d`); UTC unless it says otherwise.

    Raises:
        ValueError: it is none of these.
    """
    if text.endswith("d") and text[:-1].isascii() and text[:-1].isdigit():
        return now - timedelta(days=min(int(text[:-1]), 36_500))
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def write_csv(sums: Sequence[Sum]) -> str:
    """Write the sums as CSV with a heading."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rounded(row) for row in sums)
    return text.getvalue()


def draw(sums: Sequence[Sum]) -> Table:
    """Draw the sums for a terminal."""
    table = Table(*(name.replace("_", " ") for name in COLUMNS), box=None, pad_edge=False)
    for row in sums:
        table.add_row(*(str(value) for value in _rounded(row).values()))
    return table


def _rounded(row: Sum) -> dict[str, str | int | float]:
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in row.as_json().items()
    }


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("usage")(show_usage)
