"""What starts and stops tenants' workers: as child processes, as containers, or not at all.

Belongs here: the launchers, what they are told (a worker's spec) and what they tell (a worker).
Does not: when to start and stop (`control.fleet`), who the tenants are (`control.tenants`).
May import: contract, docker, control's top modules; no other package of control.
"""
