"""One machine in place of the clouds: livekit-servers, speech, callers, a container engine.

Belongs here: what demo, tests and benchmark need in place of LiveKit Cloud, a model provider and a
telephone. All of it is real, except the language model, which follows a script.
Does not: anything that a tenant's container or the control plane runs; they start as children.
May import: contract, project; of others what the `sandbox` extra brings.
"""
