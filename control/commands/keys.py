"""`python -m control keys`: the secrets that a control plane begins with."""

import typer

from contract import claims
from control.first_keys import new_keys


def make_keys() -> None:
    """Print new secrets as an env file; keep it as you keep a password.

    `python -m control keys > control.env` makes what `--env-file control.env` reads.
    """
    keys = new_keys()
    for name, value in keys.items():
        typer.echo(f"{name}={value}")
    private = claims.load_private_key(keys["CLAIM_PRIVATE_KEY"])
    public = claims.encode_key(private.public_key().public_bytes_raw())
    typer.echo(f"# Workers that something else starts need CLAIM_PUBLIC_KEY={public}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("keys")(make_keys)
