"""Asking the tenants' workers what they do now.

Belongs here: requests to workers' health ports, what they answer, one memory of the answers.
Does not: starting and stopping workers (`control.fleet`, `control.launchers`).
May import: control.launchers, contract.
"""
