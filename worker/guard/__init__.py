"""Which offers are taken: pure rules, and what they are held against.

Belongs here: offers as plain values, the ordered rules, the claims that were used.
Does not: answering the server, counting calls (`worker.main`); I/O of any kind.
May import: worker.configuration, contract; no other package of worker, no SDK.
"""
