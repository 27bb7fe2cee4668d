"""`python -m control status` and `stop`: shows the fleet, and stops its workers."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from contract.exits import ExitCode
from contract.limits import DEFAULT_DRAIN_SECONDS
from control import settings
from control.commands import fleet_table, fleet_watch
from control.fleet.rows import FleetRow, rows
from control.fleet.service import opened
from control.fleet.stopping import stop
from control.launchers.launcher import Worker

_PIPE_WIDTH = 200
_EnvFile = Annotated[
    Path | None, typer.Option(help="Settings of the control plane; they outweigh the environment.")
]


def show_status(
    watch: Annotated[bool, typer.Option("--watch", help="Keep it live; Ctrl-C ends it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    env_file: _EnvFile = None,
) -> None:
    """Show every tenant: project, state, calls, memory, restarts and what went wrong last."""
    with contextlib.suppress(KeyboardInterrupt):  # how one leaves --watch
        asyncio.run(_show(settings.read(env_file), watch=watch, as_json=as_json))


async def _show(read: settings.ControlSettings, *, watch: bool, as_json: bool) -> None:
    # Whoever reads along through a pipe has all the width there is.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    async with opened(read) as (plane, service):

        async def look() -> Sequence[FleetRow]:
            return await rows(await plane.registry.tenants(), service.launcher, service.workers)

        if watch and console.is_terminal and not as_json:
            await fleet_watch.watch(look, console)
        elif watch:
            await fleet_watch.tell(look, console, as_json=as_json)
        elif as_json:
            typer.echo(json.dumps([row.as_json() for row in await look()], indent=2))
        else:
            console.print(fleet_table.render(await look()))


def stop_workers(
    tenants: Annotated[list[str] | None, typer.Argument(help="Whose; all without any.")] = None,
    wait_seconds: Annotated[
        float, typer.Option(help="How long calls may go on.")
    ] = DEFAULT_DRAIN_SECONDS,
    now: Annotated[bool, typer.Option("--now", help="Cut calls instead of draining.")] = False,
    env_file: _EnvFile = None,
) -> None:
    """Drain and stop workers; `serve` must not run, or it starts them again.

    A tenant that should stay stopped is disabled instead: `serve` then drains its worker.
    """
    still = asyncio.run(_stop(settings.read(env_file), tenants or [], wait_seconds, now))
    if still:
        typer.echo(f"still running: {', '.join(worker.tenant for worker in still)}", err=True)
        raise typer.Exit(ExitCode.CUT_OFF)


async def _stop(
    read: settings.ControlSettings, tenants: Sequence[str], wait_seconds: float, now: bool
) -> Sequence[Worker]:
    async with opened(read) as (_, service):
        return await stop(
            service.launcher,
            tenants,
            wait_seconds=wait_seconds,
            is_hurried=now,
            on_change=_tell_left,
        )


def _tell_left(left: Sequence[Worker]) -> None:
    tenants = ", ".join(sorted({worker.tenant for worker in left}))
    waiting = f": {tenants} (until their calls end; --now cuts them)" if left else ""
    typer.echo(f"{len(left)} running{waiting}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("status")(show_status)
    app.command("stop")(stop_workers)
