"""Which alerts ended of late: a bare answer may be about those, and about no older ones.

Revision ID: v0026
Revises: v0025
"""

from alembic import op

revision = "v0026"
down_revision = "v0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index."""
    op.create_index("alert_ended", "alert", ["ended_at"])


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
