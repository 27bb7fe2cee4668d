"""The commands of the control plane, one file each.

Belongs here: arguments, progress, what is printed, exit codes of a command.
Does not: decisions: those are made by the packages that a command calls.
May import: every other package of control, contract.
"""
