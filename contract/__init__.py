"""What control and worker agree on: names, variables, exit codes, refusals, claims, usage records.

Belongs here: words and pure rules that both sides of a wire need to read alike.
Does not: I/O of any kind, livekit, settings of one side alone.
May import: the standard library, pyjwt and cryptography; none of our packages.
"""
