"""A tenant's variables: read from texts, checked one by one and together, faults named.

Belongs here: the form of an env file, each variable's type, contradictions, examples.
Does not: files and the environment: whoever reads them brings the texts.
May import: the rest of contract, pydantic, python-dotenv.
"""
