"""The load that is put on a worker: calls, bursts of dispatches, and a machine without free CPU.

Belongs here: what a measurement does to a worker from outside.
Does not: the workers, what is read from them, what the figures mean.
May import: bench.workers; contract, project, sandbox; livekit.
"""
