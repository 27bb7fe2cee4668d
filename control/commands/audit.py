"""`python -m control audit`: prove that no tenant meets another; exit 0, 77 or 69."""

import asyncio
import io
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from control import settings
from control.audit import page, text
from control.audit.findings import Audit, AuditFinding
from control.audit.gathering import run_and_keep
from control.fleet.service import opened

_FILE_COLUMNS = 160


class Form(StrEnum):
    """How an audit is shown."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


def show_audit(
    form: Annotated[Form, typer.Option("--format", help="How it is shown.")] = Form.TEXT,
    output: Annotated[Path | None, typer.Option(help="A file to write it to.")] = None,
    env_file: Annotated[Path | None, typer.Option(help="Settings of the control plane.")] = None,
) -> None:
    """Ask projects and workers whether tenants ever meet.

    Exit code 0: all is proven. 77: something is disproven. 69: something is unproven.
    """
    done = asyncio.run(_run(settings.read(env_file)))
    _write(done, form, output)
    raise typer.Exit(done.exit_code)


async def _run(read: settings.ControlSettings) -> Audit:
    columns = (SpinnerColumn(), TextColumn("{task.completed} answers  {task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("asking", total=None)

        def count(finding: AuditFinding) -> None:
            progress.update(task, advance=1, description=finding.title)

        async with opened(read) as (plane, _):
            return await run_and_keep(plane, count)


def _write(done: Audit, form: Form, output: Path | None) -> None:
    if form is Form.TEXT and output is None:
        Console().print(text.render(done))
        return
    rendered = _say(done, form)
    if output is None:
        typer.echo(rendered)
    else:
        output.write_text(rendered)


def _say(done: Audit, form: Form) -> str:
    if form is Form.JSON:
        return json.dumps(done.as_json(), indent=2)
    if form is Form.HTML:
        return page.render(done)
    console = Console(file=io.StringIO(), width=_FILE_COLUMNS)
    with console.capture() as captured:
        console.print(text.render(done))
    return captured.get()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit")(show_audit)
