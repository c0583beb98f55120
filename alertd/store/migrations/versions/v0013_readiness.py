"""Drills' scores, and what is to be mended.

Revision ID: v0013
Revises: v0012
"""

import sqlalchemy as sa
from alembic import op

revision = "v0013"
down_revision = "v0012"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Compared by its characters, as SQLite does, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add them empty: before, no drill was scored."""
    op.create_table(
        "drill_score",
        sa.Column("alert_no", BIG, nullable=False, autoincrement=False),
        sa.Column("plan", TEXT, nullable=False),
        sa.Column("against_no", BIG, nullable=True),
        sa.Column("result", TEXT, nullable=False),
        sa.Column("marks", TEXT, nullable=False),
        sa.Column("found", TEXT, nullable=False),
        sa.Column("scored_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("alert_no"),
    )
    op.create_table(
        "todo",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject_no", BIG, nullable=False),
        sa.Column("what", TEXT, nullable=False),
        sa.Column("plan", TEXT, nullable=False),
        sa.Column("unit_no", BIG, nullable=False),
        sa.Column("owner_no", BIG, nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.Column("alert_no", BIG, nullable=False),
        sa.Column("last_no", BIG, nullable=False),
        sa.Column("times", sa.SmallInteger(), nullable=False),
        sa.Column("found_at", BIG, nullable=False),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("closed_at", BIG, nullable=True),
        sa.Column("closed_by", sa.LargeBinary(), nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("closed_no", BIG, nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("no"),
    )
    op.create_index("todo_alert", "todo", ["alert_no"])
    still_open = sa.text("closed_at IS NULL")
    op.create_index(
        "todo_open",
        "todo",
        ["kind", "subject_no"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
