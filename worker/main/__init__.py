"""What runs in the worker's main process: it registers, answers offers and follows the calls.

Belongs here: start and shutdown, the registration, offers, active calls, rivals, health.
Does not: what happens inside a call (`worker.call`), whether an offer is taken (`worker.guard`).
May import: every other package of worker, project, contract.
"""
