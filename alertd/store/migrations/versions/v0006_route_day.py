"""What each route has carried on a day, for those that have a budget.

Revision ID: v0006
Revises: v0005
"""

import sqlalchemy as sa
from alembic import op

revision = "v0006"
down_revision = "v0005"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Compared by its characters, as SQLite does, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add it empty: before, no route had a budget."""
    op.create_table(
        "route_day",
        sa.Column("route", TEXT, nullable=False),
        sa.Column("day", BIG, nullable=False),
        sa.Column("parts", BIG, nullable=False),
        sa.PrimaryKeyConstraint("route", "day"),
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
