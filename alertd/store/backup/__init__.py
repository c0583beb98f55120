"""A backup: a copy of the database of one moment, and what else is needed to go on from it.

`taking` writes one, `placing` puts one into a data folder, `checking` says whether one is whole.
Of SQLite only: PostgreSQL brings `pg_dump`.
"""
