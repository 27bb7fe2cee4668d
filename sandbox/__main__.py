"""The sandbox's command line: each part alone, and the demo of all parts."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from sandbox.child import StartFault, end_all
from sandbox.docker.image import Target
from sandbox.speech.process import KEY_VARIABLE

app = typer.Typer(
    help="Real parts on one machine: projects, speech, callers, tenants, and a demo of them all.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_PRIORITY = -10

Key = Annotated[str, typer.Option(envvar=KEY_VARIABLE, help="The speech endpoint's API key.")]


@app.command()
def project(
    name: Annotated[str, typer.Argument(help="Whose project it is, for the log.")] = "acme",
) -> None:
    """Run a LiveKit project: a livekit-server on loopback with keys of its own, until Ctrl-C."""
    from sandbox.servers import start_project  # noqa: PLC0415 - keeps --help quick

    def start() -> None:
        credentials = start_project(name).credentials
        typer.echo(f"LIVEKIT_URL={credentials.url}\nLIVEKIT_API_KEY={credentials.api_key}")
        typer.echo(f"LIVEKIT_API_SECRET={credentials.api_secret.get_secret_value()}")

    _stay_up(start)


@app.command()
def speech(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes any free one.")] = 0,
    api_key: Key = "sk-sandbox",
) -> None:
    """Serve an OpenAI-compatible endpoint: Whisper, Piper and a scripted language model."""
    _raise_priority()
    from sandbox.speech.endpoint import serve  # noqa: PLC0415 - models and their libraries take a second

    async def run() -> None:
        runner, served_port = await serve(port, api_key)
        typer.echo(f"OPENAI_BASE_URL=http://127.0.0.1:{served_port}/v1")
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    asyncio.run(run())


@app.command()
def tenant(
    env_file: Annotated[Path, typer.Option(exists=True, help="The tenant's variables.")],
) -> None:
    """Run a tenant's worker with entrypoint.sh and its env file, until Ctrl-C."""
    from sandbox.tenant import start_tenant  # noqa: PLC0415 - keeps --help quick

    def start() -> None:
        folder = Path(tempfile.mkdtemp(prefix="sandbox-tenant-"))
        worker = start_tenant(env_file.stem, env_file.resolve(), folder=folder)
        worker.wait_until_ready()
        typer.echo(f"ready: {worker.health_url}/status, log in {worker.log}")

    _stay_up(start)


@app.command()
def caller(  # noqa: PLR0913, PLR0917 - a command's options
    env_file: Annotated[Path | None, typer.Option(help="Call the tenant of this env file.")] = None,
    url: Annotated[str | None, typer.Option(help="Or join a room of this project …")] = None,
    token: Annotated[
        str | None, typer.Option(envvar="SANDBOX_TOKEN", help="… with this token.")
    ] = None,
    say: Annotated[str | None, typer.Option(help="What to ask after the greeting.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the recording to this wav file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    speech_url: Annotated[
        str | None, typer.Option(help="A running speech endpoint; default: one is started.")
    ] = None,
    speech_key: Key = "sk-sandbox",
) -> None:
    """Call: listen to the greeting, ask, and print what the agent answered."""
    from sandbox.callers import command  # noqa: PLC0415 - the caller's library takes a moment
    from sandbox.callers.backend import ConnectionDetails  # noqa: PLC0415 - the same
    from sandbox.callers.caller import NothingHeard  # noqa: PLC0415 - the same

    if env_file is None and (url is None or token is None):
        raise typer.BadParameter("either --env-file, or --url and --token")
    try:
        with command.speech_for_call(env_file, speech_url, speech_key) as speech_client:
            if url is not None and token is not None:
                details = ConnectionDetails("", url, token, time.monotonic())
                result = asyncio.run(command.call_room(details, say, speech_client))
            elif env_file is not None:
                result = asyncio.run(command.call_tenant(env_file, say, speech_client))
    except NothingHeard as fault:
        typer.echo(f"caller: {fault}", err=True)
        raise typer.Exit(1) from None
    if save is not None:
        save.write_bytes(result.wav)
    typer.echo(command.as_json(result) if json else command.as_text(result))


@app.command()
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave all up until Ctrl-C, and print commands to try.")
    ] = False,
) -> None:
    """Show two tenants, each on its own project, each answering its own caller aloud."""
    from sandbox.demo.run import run  # noqa: PLC0415 - the caller's library takes a moment

    raise typer.Exit(run(keep))


@app.command()
def image(
    targets: Annotated[list[Target] | None, typer.Argument(help="Which; all without any.")] = None,
) -> None:
    """Build the container images with a Docker Engine of its own, and say how large they are."""
    from sandbox.debian import DebianFault  # noqa: PLC0415 - the same
    from sandbox.docker import image as images  # noqa: PLC0415 - only this command needs an engine
    from sandbox.docker.engine import EngineFault, start_engine  # noqa: PLC0415 - the same

    try:
        engine = start_engine()
        try:
            built = [images.build(engine, t, shows_progress=True) for t in targets or Target]
            typer.echo("\n\n".join(images.report(engine, each) for each in built))
        finally:
            engine.stop()
    except (DebianFault, EngineFault, StartFault) as fault:
        typer.echo(f"image: {fault}", err=True)
        raise typer.Exit(1) from None
    if any(each.ratio > images.LARGEST_RATIO for each in built):
        raise typer.Exit(1)


def _raise_priority() -> None:
    # A provider elsewhere would not be slowed down by this machine's load. Only root may raise a
    # priority, and threads inherit it if it is raised before they start.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
        # Where Linux shares the processor among sessions first, the session needs it as well.
        Path("/proc/self/autogroup").write_text(str(_PRIORITY))


def _stay_up(start: Callable[[], None]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        start()
        signal.pause()
    except KeyboardInterrupt:
        pass
    except StartFault as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(1) from None
    finally:
        end_all()


if __name__ == "__main__":
    sys.exit(app())
