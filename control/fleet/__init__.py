"""Keeps what runs equal to what the registry says, and shows it.

Belongs here: the reconciling loop, its rules, the fleet's status.
Does not: how a worker is started (`control.launchers`), calls, what is proven (`control.audit`).
May import: control's launchers, tenants, workers, storage and plane; project, contract.
"""
