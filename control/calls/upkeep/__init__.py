"""What a control plane does for its calls while it runs, whoever asked for them.

Belongs here: renewing leases, watching answered calls, ending and undoing what nobody looks after,
forgetting old calls.
Does not: taking a request for a call and answering it (`control.calls.service`), the tasks that do
this again and again (`control.calls.tasks`).
May import: what control.calls may import, and its calls, store, sending and connections.
"""
