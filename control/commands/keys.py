"""`python -m control keys`: the secrets that a control plane begins with."""

import contextlib
import os
import stat
from pathlib import Path
from typing import Annotated

import typer

from contract import claims
from control import settings
from control.first_keys import TOKEN, make_files, new_keys
from control.settings import ControlSettingsFault

_STDOUT = 1


def make_keys(
    files: Annotated[
        bool, typer.Option("--files", help="Make the files that CONTROL_TOKEN_FILE and so on name.")
    ] = False,
) -> None:
    """Print new secrets as an env file; keep it as you keep a password.

    `keys > control.env` makes what `--env-file control.env` reads. With --files
    they go where CONTROL_TOKEN_FILE, CONTROL_SEALING_KEY_FILE, CLAIM_PRIVATE_KEY_FILE and
    CONTROL_DATABASE_PASSWORD_FILE say; what is there stays, and the token is told when it is made.
    """
    if files:
        _make_files()
    else:
        _print()


def _make_files() -> None:
    paths = settings.secret_files()
    if not paths:
        raise ControlSettingsFault("--files: none of CONTROL_TOKEN_FILE and so on names a file")
    try:
        made = make_files(paths)
    except OSError as error:
        folder = Path(error.filename or "").parent
        raise ControlSettingsFault(f"--files: no file in {folder}: {error.strerror}") from error
    for name in made:
        typer.echo(f"made {name} in {paths[name]}: keep a copy of it")
    # A token is told this once, to whoever starts a control plane for the first time.
    if TOKEN in made:
        typer.echo(f"first token: {made[TOKEN]}")


def _print() -> None:
    if stat.S_ISREG(os.fstat(_STDOUT).st_mode):
        with contextlib.suppress(PermissionError):  # somebody else's file is theirs to close
            os.fchmod(_STDOUT, 0o600)  # `> control.env` has made it readable by all
    keys = new_keys()
    for name, value in keys.items():
        typer.echo(f"{name}={value}")
    private = claims.load_private_key(keys["CLAIM_PRIVATE_KEY"])
    public = claims.encode_key(private.public_key().public_bytes_raw())
    typer.echo(f"# Workers that something else starts need CLAIM_PUBLIC_KEY={public}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("keys")(make_keys)
