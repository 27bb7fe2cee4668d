"""The control plane: knows all tenants, holds their credentials, runs no agent itself.

Belongs here: the registry, calls with receipts, launchers, usage sums, the audit, and the HTTP
and the command line of all these.
Does not: anything that runs inside a tenant's container; bootstrap, worker and sandbox are run as
child processes.
May import: project, contract.
"""
