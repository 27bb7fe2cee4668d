"""`python -m control call`: one call from a terminal, each step shown as it happens."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from contract.exits import ExitCode
from contract.programs import CONTROL, WORKER
from control import settings
from control.calls.call import Call, CallAnswer, CallRequest, Cause
from control.calls.step import CallStep
from control.commands import talk
from control.fleet.service import FleetService
from control.plane import open_plane
from control.storage.migrate import migrate

_SENTENCE = "Hello, what can you do for me?"
_WORDS = {
    CallStep.BOOKED: "on record: call {call.id}",
    CallStep.SENDING: "sending for {call.agent_name} into {call.room}",
    CallStep.SENT: "room and dispatch are there: {detail}",
    CallStep.JOINED: "[green]the agent has joined[/]: {detail}",
    CallStep.NOT_COME: "[yellow]no agent came[/]: {detail}",
    CallStep.WITHDRAWN: "taken back: {detail}",
    CallStep.ANSWERED: "answered",
}
_STATUS = f"`{CONTROL} status` says why; `serve` starts workers"
_CHECK = f"`{CONTROL} tenants check {{tenant}}` says what is wrong with it"
# What a person does next about each cause.
_NEXT = {
    Cause.NO_WORKER: f"no worker of the tenant's runs: {_STATUS}",
    Cause.NOT_READY: f"its worker does not take calls now: {_STATUS}",
    Cause.FULL: "its worker has as many calls as MAX_CALLS allows: wait, or allow more",
    Cause.AGENT_DIED: "a worker took the call and is gone: look at its log",
    Cause.UNREACHABLE: f"its project cannot be reached: {_CHECK}",
    Cause.REVOKED: f"its project refuses the key: {_CHECK}",
    Cause.LIMITED: "its project takes no more requests this minute: wait, then try again",
    Cause.NOT_TAKEN: f"no worker took it: `{WORKER} smoke` asks who is registered",
}
_REFUSED = "its worker refused it: docs/control.md has the causes, its log the reason"


@dataclass
class _Steps:
    """Prints each step with the time since the beginning."""

    console: Console
    began: float = field(default_factory=time.monotonic)

    def tell(self, step: CallStep, call: Call, detail: str) -> None:
        """Print one step."""
        words = _WORDS[step].format(call=call, detail=detail)
        self.console.print(f"{(time.monotonic() - self.began) * 1000:7.0f} ms  {words}")


def call(
    tenant_id: Annotated[str, typer.Argument(help="Whose agent to call.")],
    sentence: Annotated[str, typer.Argument(help="What --talk says.")] = _SENTENCE,
    is_talking: Annotated[
        bool, typer.Option("--talk", help="Speak the sentence, and print what the agent answers.")
    ] = False,
    identity: Annotated[str, typer.Option(help="Who the caller is.")] = "terminal",
    room: Annotated[str | None, typer.Option(help="An existing room of the tenant's.")] = None,
    wait_seconds: Annotated[float, typer.Option(help="How long to wait.", min=0, max=30)] = 30.0,
    env_file: Annotated[Path | None, typer.Option(help="Settings of the control plane.")] = None,
) -> None:
    """Make a call in the tenant's own project, and show each step; exit 69 when no agent comes."""
    console = Console(stderr=True, highlight=False)
    request = CallRequest(identity=identity, room=room, wait_seconds=wait_seconds)
    read = settings.read(env_file)
    if is_talking:
        talk.require_sandbox()
    made = asyncio.run(_run(read, tenant_id, request, console, sentence if is_talking else None))
    typer.echo(json.dumps(_shown(made.body, with_token=not is_talking), indent=2))
    if made.status != 201:
        typer.echo(explain(tenant_id, str(made.body["agent"]["cause"])), err=True)
        raise typer.Exit(ExitCode.UNAVAILABLE)


async def _run(
    read: settings.ControlSettings,
    tenant_id: str,
    request: CallRequest,
    console: Console,
    sentence: str | None,
) -> CallAnswer:
    service = FleetService(read)
    plane = open_plane(read, service.workers, on_step=_Steps(console).tell)
    try:
        await migrate(plane.database)
        made = await plane.calls.request(tenant_id, request, None)
        if sentence is not None and made.status == 201:
            await _talk(made, sentence, console, read.environment)
        return made
    finally:
        await plane.calls.close()
        await service.close()
        await plane.database.close()


async def _talk(
    made: CallAnswer, sentence: str, console: Console, environment: Mapping[str, str]
) -> None:
    url, token = str(made.body["url"]), str(made.body["token"])
    async for line in talk.speak(url, token, sentence, environment):
        console.print(f"  {line}", markup=False)


def explain(tenant_id: str, cause: str) -> str:
    """Say what a cause means for a person, and what to do next."""
    known = cause in tuple(Cause)
    return (_NEXT[Cause(cause)] if known else _REFUSED).format(tenant=tenant_id)


def _shown(body: Mapping[str, Any], *, with_token: bool) -> dict[str, Any]:
    # A token that has been used for a talk is of no more use on a screen.
    return {name: value for name, value in body.items() if with_token or name != "token"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("call")(call)
