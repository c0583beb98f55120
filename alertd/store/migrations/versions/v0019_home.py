"""Which server of PostgreSQL a database was last at work on.

Revision ID: v0019
Revises: v0018
"""

import sqlalchemy as sa
from alembic import op

revision = "v0019"
down_revision = "v0018"
branch_labels = None
depends_on = None

# Compared by its characters, as SQLite does, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make it empty: the first process at work writes down where it is."""
    op.create_table(
        "home",
        sa.Column("system", TEXT, nullable=False),
        sa.Column("line", BIG, nullable=False),
        sa.Column("lacks_since", BIG, nullable=True),
        sa.PrimaryKeyConstraint("system"),
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
