"""What control and worker agree on: names, limits, exit codes, refusals, claims, statuses, records.

Belongs here: words, types and pure rules that both sides of a wire need to read alike.
Does not: I/O of any kind, livekit, settings of one side alone.
May import: the standard library, pydantic, pyjwt and cryptography; none of our packages.
"""
