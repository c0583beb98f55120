"""What a process was set to when it was started last, so that a change of it is on record.

Revision ID: v0021
Revises: v0020
"""

import sqlalchemy as sa
from alembic import op

revision = "v0021"
down_revision = "v0020"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Compared by its characters, as SQLite does, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make it empty: the next start puts on record what it is set to."""
    op.create_table(
        "known_setting",
        sa.Column("process", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("print", TEXT, nullable=False),
        sa.Column("since", BIG, nullable=False),
        sa.PrimaryKeyConstraint("process", "name"),
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
