"""What calls used: counted in the call, settled once, kept on disk until somebody has taken it.

Belongs here: the meter of a call, the journal of open calls, the spool, the delivery.
Does not: what a record means for a bill (control).
May import: worker.configuration, contract, the SDK's metrics; no other package of worker.
"""
