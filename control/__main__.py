"""`python -m control`: the one place where the control plane's faults become exit codes."""

import logging
import sys

import typer
from sqlalchemy.exc import SQLAlchemyError

from contract.exits import ExitCode
from control.calls.faults import CallFault
from control.commands.command_line import app
from control.commands.talk import SandboxMissing, TalkFailed
from control.launchers.launcher import LauncherAway, LauncherFault
from control.settings import ControlSettingsFault
from control.storage.database import DatabaseUnreachable, UnknownDatabase
from control.tenants.preflight import CheckFailed
from control.tenants.registry import RegistrationRefused, SharedKey, UnknownTenant
from control.tenants.tenant import FaultyTenant

_CODES: dict[type[Exception], ExitCode] = {
    ControlSettingsFault: ExitCode.CONFIG,
    UnknownDatabase: ExitCode.CONFIG,
    RegistrationRefused: ExitCode.CONFIG,
    UnknownTenant: ExitCode.CONFIG,
    LauncherAway: ExitCode.UNAVAILABLE,
    LauncherFault: ExitCode.CONFIG,
    CallFault: ExitCode.CONFIG,
    FaultyTenant: ExitCode.REFUSED,
    SharedKey: ExitCode.REFUSED,
    DatabaseUnreachable: ExitCode.UNAVAILABLE,
    CheckFailed: ExitCode.UNAVAILABLE,
    SandboxMissing: ExitCode.CONFIG,
    TalkFailed: ExitCode.UNAVAILABLE,
}


def main() -> None:
    """Run a command; say what went wrong in a line or two, never with a secret."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except tuple(_CODES) as error:
        _end(error, next(code for kind, code in _CODES.items() if isinstance(error, kind)))
    except SQLAlchemyError as error:
        # Its text may hold the statement; its kind and the driver's words do not hold parameters.
        typer.echo(f"the database refused: {getattr(error, 'orig', None) or type(error)}", err=True)
        sys.exit(ExitCode.SOFTWARE)


def _end(error: Exception, code: ExitCode) -> None:
    for problem in getattr(error, "problems", (str(error),)):
        typer.echo(problem, err=True)
    if hint := getattr(error, "hint", ""):
        typer.echo(f"  {hint}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
