"""Usage records: received, held against their signature, kept once, summed.

Belongs here: the receipt of records, sums per tenant, model and day.
Does not: what a call costs; prices are the reader's.
May import: control's tenants and storage, contract.
"""
