"""A second factor, and what is said of a session; everybody signs in anew.

Revision ID: v0007
Revises: v0006
"""

import sqlalchemy as sa
from alembic import op

revision = "v0007"
down_revision = "v0006"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Compared by its characters, as SQLite does, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the factors' table, and the sessions' anew: what a session was before isn't known."""
    op.create_table(
        "second_factor",
        sa.Column("principal_no", BIG, nullable=False, autoincrement=False),
        sa.Column("secret_cipher", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", BIG, nullable=True),
        sa.Column("used_step", BIG, nullable=False),
        sa.PrimaryKeyConstraint("principal_no"),
    )
    op.drop_table("session")
    op.create_table(
        "session",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("principal_no", BIG, nullable=False),
        sa.Column("csrf", TEXT, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("revoked_at", BIG, nullable=True),
        sa.Column("waits", sa.SmallInteger(), nullable=False),
        sa.Column("agent", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
