"""What a worker tells, as whoever reads it must understand it: statuses, reports, usage, log lines.

Belongs here: the types of these records, how their JSON is read, and the signature of usage.
Does not: asking for them, sending them, storing them.
May import: contract's words and limits, the standard library, pydantic.
"""
