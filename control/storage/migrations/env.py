"""Alembic's environment: runs the steps over the connection of `control.storage.migrate`."""

from alembic import context

from control.storage.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
