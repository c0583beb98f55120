"""A node keeps the time that it has lived through, so that a wrong clock can't set it back.

Revision ID: v0005
Revises: v0004
"""

import sqlalchemy as sa
from alembic import op

revision = "v0005"
down_revision = "v0004"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Compared by its characters, as SQLite does, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add it empty: until the first pulse, the journal's last fact is what is known."""
    op.create_table(
        "node_clock",
        sa.Column("node", TEXT, nullable=False),
        sa.Column("lived_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("node"),
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
