"""Find the shifts that begin at an hour without reading everybody's.

Revision ID: v0016
Revises: v0015
"""

import sqlalchemy as sa
from alembic import op

revision = "v0016"
down_revision = "v0015"
branch_labels = None
depends_on = None

HAS_HOURS = sa.text("shift_from IS NOT NULL")


def upgrade() -> None:
    """Few people have hours, so the index is small."""
    op.create_index(
        "holding_shift",
        "holding",
        ["shift_from"],
        sqlite_where=HAS_HOURS,
        postgresql_where=HAS_HOURS,
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
