"""The database: how it is reached, its tables, their migrations, and secrets at rest.

Belongs here: connections, transactions, table definitions, sealing.
Does not: what rows mean: `control.tenants`, `control.calls`, `control.usage`, `control.audit`.
May import: contract; no other package of control.
"""
