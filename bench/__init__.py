"""Measurements of our worker beside the stock livekit-agents worker, in one run on one machine.

Belongs here: what is measured, how, the goals, and how the figures are shown.
Does not: anything that a product needs; assertions about speed in CI.
May import: contract, project, sandbox; workers are child processes, so that both start alike.
"""
