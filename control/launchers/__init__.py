"""What starts and stops tenants' workers: as child processes, as containers, or not at all.

Belongs here: the launchers, what they are told (an order) and what they tell (a worker).
Does not: when to start and stop (`control.fleet`), who the tenants are (`control.registry`).
May import: contract, docker, control.birth; nothing else of ours.
"""
