"""`python -m control`: every command of the control plane, on one screen."""

import typer

from control.commands import audit as audit_command
from control.commands import call, keys, serve, tenants
from control.commands import fleet as fleet_command
from control.commands import usage as usage_command

app = typer.Typer(
    name="control",
    help="Knows all tenants, starts their workers and their calls, each on its own project.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for _commands in (
    keys,
    tenants,
    serve,
    call,
    fleet_command,
    usage_command,
    audit_command,
):
    _commands.register(app)
