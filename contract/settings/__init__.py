"""A tenant's variables: read from texts, checked one by one and together, faults named.

Belongs here: the form of an env file, each variable's type, contradictions, examples.
Does not: open files or read the environment: each program brings a function that reads them.
May import: the rest of contract, pydantic, python-dotenv, PyYAML.
"""
