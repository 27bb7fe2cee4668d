"""Calls with receipts: asked for once, answered truthfully, watched until they end.

Belongs here: storing, sending, waiting, withdrawing, undoing and watching calls, and the causes
for which an agent is not there.
Does not: HTTP and the terminal (`control.http`, `control.commands`), launching workers.
May import: control's tenants, workers, storage and top modules; project, contract.
"""
