"""The tables' history, in Alembic's form; `alertd.store.migrate` runs it."""
