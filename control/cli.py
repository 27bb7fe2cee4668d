"""`python -m control`: every command of the control plane, on one screen."""

import typer

app = typer.Typer(
    name="control", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
