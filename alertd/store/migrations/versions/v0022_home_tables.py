"""Which database of a server of PostgreSQL the city was last at work in: a copy of it is another.

Revision ID: v0022
Revises: v0021
"""

import sqlalchemy as sa
from alembic import op

revision = "v0022"
down_revision = "v0021"
branch_labels = None
depends_on = None

# Compared by its characters, as SQLite does, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make it empty: the next process at work writes it down."""
    with op.batch_alter_table("home", recreate="always") as home:
        home.add_column(sa.Column("tables", TEXT, nullable=True))


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
