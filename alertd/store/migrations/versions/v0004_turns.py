"""Several processes may write: facts say in which transaction, and counts have a row for each.

Revision ID: v0004
Revises: v0003
"""

import sqlalchemy as sa
from alembic import op

revision = "v0004"
down_revision = "v0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the column; PostgreSQL counts by itself, as several processes write."""
    # What was there has turn 0, which no later fact has: its hash was made without one.
    for name in ("journal", "chain"):
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("turn", BIG, nullable=False, server_default="0"))
        with op.batch_alter_table(name) as table:  # SQLite's rows have been copied with it by now
            table.alter_column("turn", server_default=None)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE journal_turn")
    _counters()
    _workers()
    if op.get_bind().dialect.name == "postgresql":
        _collate()


def _collate() -> None:
    """Compare texts by their characters; ranges of paths would be others in another language."""
    inspector = sa.inspect(op.get_bind())
    for table in inspector.get_table_names():
        for column in inspector.get_columns(table):
            if isinstance(column["type"], sa.Text) and table != "alembic_version":
                name = column["name"]
                op.execute(f'ALTER TABLE {table} ALTER COLUMN "{name}" TYPE TEXT COLLATE "C"')


def _workers() -> None:
    op.create_table(
        "worker",
        sa.Column("lease", sa.Text(), nullable=False),
        sa.Column("writer", BIG, nullable=False),
        sa.Column("beat", BIG, nullable=False),
        sa.Column("decides", sa.SmallInteger(), nullable=False),
        sa.Column("routes", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("lease"),
    )
    op.create_table(
        "route_share",
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("no", sa.SmallInteger(), nullable=False),
        sa.Column("lease", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("route", "no"),
    )


def _counters() -> None:
    op.create_table(
        "delivery_count_by_counter",
        sa.Column("alert_no", BIG, nullable=False, autoincrement=False),
        sa.Column("channel", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("counter", sa.SmallInteger(), nullable=False),
        sa.Column("n", BIG, nullable=False),
        sa.PrimaryKeyConstraint("alert_no", "channel", "state", "counter"),
    )
    op.execute(
        "INSERT INTO delivery_count_by_counter SELECT alert_no, channel, state, 0, n"
        " FROM delivery_count"
    )
    op.drop_table("delivery_count")
    op.rename_table("delivery_count_by_counter", "delivery_count")


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
