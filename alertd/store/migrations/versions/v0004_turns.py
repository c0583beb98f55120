"""A fact says in which of its node's transactions it was recorded.

Revision ID: v0004
Revises: v0003
"""

import sqlalchemy as sa
from alembic import op

revision = "v0004"
down_revision = "v0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the column; PostgreSQL counts by itself, as several processes write."""
    # A journal of before has other hashes: it can be read and no longer verified.
    for name in ("journal", "chain"):
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("turn", BIG, nullable=False, server_default="0"))
            table.alter_column("turn", server_default=None)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE journal_turn")


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
