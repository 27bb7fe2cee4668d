"""Serves exactly one tenant: guard, calls, registration, health, usage.

Belongs here: everything from a proven tenant's configuration to the end of its last call.
Does not: reading the environment, exiting, knowing who starts it, knowing another tenant.
May import: project, contract, livekit_tenant, livekit.agents; never bootstrap, control or sandbox.
"""
