"""Which duties an answer named.

Revision ID: v0015
Revises: v0014
"""

import sqlalchemy as sa
from alembic import op

revision = "v0015"
down_revision = "v0014"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Of answers before this one it isn't on record, and they count as they have."""
    with op.batch_alter_table("ack", recreate="always") as table:
        table.add_column(sa.Column("duties", TEXT, nullable=True))


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
