"""A model provider on this machine: real ears and a real voice, and a language model by script.

Belongs here: what answers OpenAI's HTTP and realtime API, the faults it shows to order, its counts.
Does not: anything that knows a tenant, a room or a call.
May import: contract, sandbox.child, sandbox.ports; the `sandbox` dependency group.
"""
