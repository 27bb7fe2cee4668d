"""How a call's process is started in milliseconds, and how its memory stays small.

Belongs here: the template of all calls: what is loaded, deferred, rehearsed, shared.
Does not: what a call does (`worker.call`).
May import: worker.agent, worker's top modules, contract, the SDK; neither main nor call.
"""
