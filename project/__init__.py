"""Everything said to one LiveKit project: tokens, rooms, dispatches, probes, participants, faults.

Belongs here: requests to the project's API, the tokens that open it, its faults as named errors.
Does not: settings, decisions about offers or calls, knowledge of several tenants.
May import: `contract`, livekit.api; no other package of ours.
"""
