"""`python -m control`: every command of the control plane, on one screen."""

import typer

from control import call_command, keys_command, serve_command, tenants_command
from control.audit import command as audit_command
from control.fleet import command as fleet_command
from control.usage import command as usage_command

app = typer.Typer(
    name="control",
    help="Knows all tenants, starts their workers and their calls, each on its own project.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for _commands in (
    keys_command,
    tenants_command,
    serve_command,
    call_command,
    fleet_command,
    usage_command,
    audit_command,
):
    _commands.register(app)
