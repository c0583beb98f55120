"""Drills that were followed up by hand, and those that were cut short.

Revision ID: v0014
Revises: v0013
"""

import sqlalchemy as sa
from alembic import op

revision = "v0014"
down_revision = "v0013"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Each drill has its own alert so far, and no score says that it was cut short."""
    op.create_table(
        "drill_alert",
        sa.Column("alert_no", BIG, nullable=False, autoincrement=False),
        sa.Column("drill_no", BIG, nullable=False),
        sa.PrimaryKeyConstraint("alert_no"),
    )
    op.create_index("drill_alert_drill", "drill_alert", ["drill_no"])
    op.execute(
        "INSERT INTO drill_alert (alert_no, drill_no)"
        " SELECT alert_no, no FROM drill WHERE alert_no IS NOT NULL"
    )
    with op.batch_alter_table("drill_score") as table:
        table.add_column(
            sa.Column("cut_short", sa.SmallInteger(), nullable=False, server_default="0")
        )
    with op.batch_alter_table("drill_score") as table:  # SQLite's rows have been copied with it
        table.alter_column("cut_short", server_default=None)


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
