"""The tenants: rows of `clients`, read, checked, unsealed, changed; and their preflights.

Belongs here: the registry, the rows in SQL, settings, env files, a tenant's preflight.
Does not: what runs for a tenant (`control.fleet`), its calls (`control.calls`).
May import: control.storage, control's top modules, project, contract.
"""
