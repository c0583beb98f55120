"""By which messages others are told of a call for help: whether any of them could be told.

Revision ID: v0024
Revises: v0023
"""

import sqlalchemy as sa
from alembic import op

revision = "v0024"
down_revision = "v0023"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Empty: no older fact says it. A call that is open then has its next climb's messages."""
    op.create_table(
        "help_told",
        sa.Column("first", BIG, nullable=False, autoincrement=False),
        sa.Column("last", BIG, nullable=False),
        sa.Column("ack_no", BIG, nullable=False),
        sa.PrimaryKeyConstraint("first"),
    )
    op.create_index("help_told_case", "help_told", ["ack_no"])


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
