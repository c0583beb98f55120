"""Alerts whose sending somebody paused or stopped.

Revision ID: v0009
Revises: v0008
"""

import sqlalchemy as sa
from alembic import op

revision = "v0009"
down_revision = "v0008"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Compared by its characters, as SQLite does, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add it empty: before, nobody could."""
    op.create_table(
        "halt",
        sa.Column("alert_no", BIG, nullable=False),
        sa.Column("paused_at", BIG, nullable=True),
        sa.Column("paused_ms", BIG, nullable=False),
        sa.Column("stopped_at", BIG, nullable=True),
        sa.Column("by", sa.LargeBinary(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("alert_no"),
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
