"""When the duty desk was last told that an alert is still paused.

Revision ID: v0011
Revises: v0010
"""

import sqlalchemy as sa
from alembic import op

revision = "v0011"
down_revision = "v0010"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add it empty: before, the desk wasn't told, and is told at once of what is paused still."""
    with op.batch_alter_table("halt", recreate="always") as halt:
        halt.add_column(sa.Column("told_at", BIG, nullable=True))


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
