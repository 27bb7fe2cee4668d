"""`python -m control serve` and `migrate`: the HTTP application, and its database's steps."""

import asyncio
import logging
import signal
import socket
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from contract.exits import ExitCode
from control import logs, settings
from control.fleet.service import FleetService
from control.http.app import make_app
from control.plane import open_plane
from control.settings import ControlSettingsFault
from control.storage.database import Database
from control.storage.migrate import migrate

_log = logging.getLogger(__name__)
_EnvFile = Annotated[
    Path | None, typer.Option(help="Settings of the control plane; they outweigh the environment.")
]
# Whoever asked for a call still gets the answer: the longest wait, and a little more.
_SHUTDOWN_SECONDS = 35
_BACKLOG = 2048
# Clients must be the first to let an idle connection go: most do after 5 s (httpx) to 60 s (load
# balancers), and a server that closes at that very moment loses the request that is on its way.
_KEEP_ALIVE_SECONDS = 75


def serve(
    host: Annotated[str, typer.Option(help="Where HTTP is served.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port.")] = 8080,
    env_file: _EnvFile = None,
) -> None:
    """Serve the HTTP interface, run the tenants' workers, look after their calls.

    Ends on SIGTERM or Ctrl-C; workers and their calls go on.
    """
    read = settings.read(env_file)
    logs.begin(read)
    service = FleetService(read)
    app = make_app(open_plane(read, service.workers), (service.lifespan,))
    # Whatever is missing is told in a line and by the exit code, before anything is begun.
    listening = _listen(host, port)
    asyncio.run(_migrate(env_file))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
    )
    # uvicorn raises the signal anew when all is done: an ordered end is no death by a signal.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    _log.info("serving http://%s:%d, Ctrl-C ends it", *listening.getsockname()[:2])
    server.run(sockets=[listening])
    if not server.started:
        raise typer.Exit(ExitCode.SOFTWARE)  # its log says why


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        raise ControlSettingsFault(f"--host {host} --port {port}: {error}") from error


def migrate_database(env_file: _EnvFile = None) -> None:
    """Bring the database to the newest step; `serve` does so by itself."""
    asyncio.run(_migrate(env_file))
    typer.echo("the database is at the newest step")


async def _migrate(env_file: Path | None) -> None:
    database = Database(settings.read_database_url(env_file))
    try:
        await migrate(database)
    finally:
        await database.close()


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("serve")(serve)
    app.command("migrate")(migrate_database)
