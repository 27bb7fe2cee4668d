"""The demo: two tenants, two projects, two callers, and the proof that they do not meet.

Belongs here: the demo's tenants, its steps, what it shows and how it ends.
Does not: parts that tests or benchmark use as well.
May import: everything else of sandbox; contract, project; rich.
"""
