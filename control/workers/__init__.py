"""Asking the tenants' workers: how each one stands, by its own words.

Belongs here: requests to workers' health ports, what they answer, one memory of the answers.
Does not: starting and stopping workers (`control.fleet`, `control.launchers`).
May import: control.launchers, contract.
"""
