"""Which loudspeakers were let in or shut out, and the passwords of those that were let in.

Revision ID: v0020
Revises: v0019
"""

import sqlalchemy as sa
from alembic import op

revision = "v0020"
down_revision = "v0019"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Compared by its characters, as SQLite does, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make them empty: what is in a broker's file is put on record at the next start."""
    op.create_table(
        "terminal_account",
        sa.Column("terminal_id", TEXT, nullable=False),
        sa.Column("areas", TEXT, nullable=False),
        sa.Column("enrolled_at", BIG, nullable=False),
        sa.Column("revoked_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("terminal_id"),
    )
    op.create_table(
        "terminal_secret",
        sa.Column("terminal_id", TEXT, nullable=False),
        sa.Column("enrolled_at", BIG, nullable=False),
        sa.Column("password_cipher", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("terminal_id"),
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
