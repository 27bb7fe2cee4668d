"""One machine standing in for the clouds: livekit-servers, speech, a caller, a container engine.

Belongs here: what demo, tests and benchmark need in place of LiveKit Cloud, a model provider and a
telephone. All of it is real, but for the language model, which follows a script.
Does not: anything that a tenant's container or the control plane runs; they start as children.
May import: contract, project; of others what the `sandbox` dependency group brings.
"""
