"""How often a node's time was set, and by whose word: one time for all of its processes.

Revision ID: v0023
Revises: v0022
"""

import sqlalchemy as sa
from alembic import op

revision = "v0023"
down_revision = "v0022"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """The time that a node has is its first era; no process of an older alertd is at work."""
    with op.batch_alter_table("node_clock", recreate="always") as clock:
        clock.add_column(sa.Column("era", BIG, nullable=False, server_default="0"))
        clock.add_column(sa.Column("leapt_at", BIG, nullable=True))
        clock.add_column(sa.Column("leapt_ms", BIG, nullable=False, server_default="0"))
    with op.batch_alter_table("node_clock") as clock:
        clock.alter_column("era", server_default=None)
        clock.alter_column("leapt_ms", server_default=None)


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
