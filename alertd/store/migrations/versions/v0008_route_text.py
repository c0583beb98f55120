"""How often a route has carried one text to one number on a day, for those that count it.

Revision ID: v0008
Revises: v0007
"""

import sqlalchemy as sa
from alembic import op

revision = "v0008"
down_revision = "v0007"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Compared by its characters, as SQLite does, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add it empty: before, no route counted texts."""
    op.create_table(
        "route_text",
        sa.Column("route", TEXT, nullable=False),
        sa.Column("day", BIG, nullable=False),
        sa.Column("address_no", BIG, nullable=False),
        sa.Column("said", sa.LargeBinary(), nullable=False),
        sa.Column("n", BIG, nullable=False),
        sa.PrimaryKeyConstraint("route", "day", "address_no", "said"),
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
