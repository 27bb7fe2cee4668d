"""The commands of the container: check, run and smoke, one file each.

Belongs here: what each command does, in order.
Does not: arguments and exit codes (`bootstrap.command_line`), the checks (`bootstrap.preflight`).
May import: every other module of bootstrap, project, contract.
"""
