"""The preflight: every question that is asked before serving, and the report of the answers.

Belongs here: checks, their catalogue, how they run, the report, their process at a start.
Does not: settings (`bootstrap.settings`), what follows from the report (`bootstrap.commands`).
May import: bootstrap.settings, project, contract.
"""
