"""What the kept usage records add up to.

Belongs here: sums per tenant, model and day, and how they are shown.
Does not: receiving and verifying records.
May import: contract, control.database, control.tables.
"""
