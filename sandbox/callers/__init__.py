"""Callers: what a tenant's backend does to start a call, and what a caller says and hears.

Belongs here: the calls of demo, tests and command line, each by a participant of one room.
Does not: the models that speak and listen for a caller (`sandbox.speech`); tenants' workers.
May import: contract, project, sandbox.speech; livekit.
"""
