"""The two workers that are measured: ours and the stock one, started alike.

Belongs here: how each is started, the agents that it runs, and what its processes use.
Does not: calls, figures.
May import: bench.results for the workers' names; contract, project, sandbox; livekit, psutil.
"""
