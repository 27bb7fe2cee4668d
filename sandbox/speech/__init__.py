"""A model provider on this machine: OpenAI's API before real speech models and a scripted LLM.

Belongs here: OpenAI's HTTP and realtime API, the faults that it can be told to show, its counts.
Does not: anything that knows a tenant, a room or a call.
May import: contract, sandbox.child, sandbox.ports; what the `sandbox` extra brings.
"""
