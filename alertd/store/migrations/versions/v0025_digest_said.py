"""What a digest was made of, by its message: who of them is silent when it leaves.

Revision ID: v0025
Revises: v0024
"""

import sqlalchemy as sa
from alembic import op

revision = "v0025"
down_revision = "v0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index."""
    said = sa.text("message_no IS NOT NULL")
    op.create_index(
        "digest_said", "digest_entry", ["message_no"], sqlite_where=said, postgresql_where=said
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
