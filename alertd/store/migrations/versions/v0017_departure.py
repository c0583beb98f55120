"""Whether the city lives in another database now, so that this one isn't served any more.

Revision ID: v0017
Revises: v0016
"""

import sqlalchemy as sa
from alembic import op

revision = "v0017"
down_revision = "v0016"
branch_labels = None
depends_on = None

# Compared by its characters, as SQLite does, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make it empty: of cities that were carried away before, nobody knows."""
    op.create_table(
        "departure",
        sa.Column("node", TEXT, nullable=False),
        sa.Column("to", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("node"),
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
