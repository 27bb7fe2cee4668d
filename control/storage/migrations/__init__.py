"""The database's history, step by step, for SQLite and PostgreSQL alike.

Belongs here: Alembic's environment and the steps (`versions/`), each of which can be run once.
Does not: anything that reads or writes rows while the control plane runs.
May import: control.storage.tables for its types, SQLAlchemy, Alembic.
"""
