"""Sheets of paper about an alert, and what came back on them.

Revision ID: v0010
Revises: v0009
"""

import sqlalchemy as sa
from alembic import op

revision = "v0010"
down_revision = "v0009"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Compared by its characters, as SQLite does, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add them empty: before, nothing was printed."""
    op.create_table(
        "sheet",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("alert_no", BIG, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("unit_no", BIG, nullable=False),
        sa.Column("printed_at", BIG, nullable=False),
        sa.Column("by", sa.LargeBinary(), nullable=False),
        sa.Column("numbers", sa.SmallInteger(), nullable=False),
        sa.Column("asked", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_index("sheet_alert", "sheet", ["alert_no", "printed_at"])
    op.create_table(
        "sheet_mark",
        sa.Column("sheet", TEXT, nullable=False),
        sa.Column("row_no", sa.SmallInteger(), nullable=False),
        sa.Column("result", TEXT, nullable=False),
        sa.Column("ack_no", BIG, nullable=True),
        sa.Column("entered_at", BIG, nullable=False),
        sa.Column("by", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sheet", "row_no"),
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
