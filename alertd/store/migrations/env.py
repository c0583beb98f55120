"""Alembic's entry: migrates over the connection that `alertd.store.migrate` hands in."""

from alembic import context
from sqlalchemy import Connection

from alertd.store.tables import metadata


def run(connection: Connection) -> None:
    """Apply the steps that are missing, in the caller's transaction."""
    # SQLite can't alter a table in place: batch mode copies it instead.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
