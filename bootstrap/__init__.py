"""From a raw environment to a proven tenant: settings, preflight, hand-over.

Belongs here: everything that happens before a worker serves, and the command line.
Does not: serving calls (worker), knowing other tenants (control).
May import: project and contract; `handover` alone also worker, `__main__` and
`agent_code` alone livekit_tenant.
"""
