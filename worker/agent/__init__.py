"""The voice agent: its session, its tools, and what it says when its provider fails.

Belongs here: the built-in agent, announcements, the watch over the provider.
Does not: rooms, dispatches, and how a call begins or ends (`worker.call`).
May import: worker.configuration, contract, the SDK; no other package of worker.
"""
