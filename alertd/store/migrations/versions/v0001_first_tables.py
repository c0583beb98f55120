"""The first tables: record, roster, access.

Revision ID: v0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "v0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Lay them into an empty database."""
    _record()
    _hierarchy()
    _people()
    _ways()
    _terminals()
    _principals()
    _visits()


def downgrade() -> None:
    """Refuse: there is nothing before them."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)


def _record() -> None:
    op.create_table(
        "node",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "journal",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("writer", BIG, nullable=False, autoincrement=False),
        sa.Column("seq", BIG, nullable=False, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("alert_no", BIG, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("occurred_at", BIG, nullable=False),
        sa.Column("recorded_at", BIG, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("node", "writer", "seq"),
    )
    op.create_index("journal_alert", "journal", ["alert_no", "writer", "seq"])
    op.create_table(
        "chain",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("writer", sa.SmallInteger(), nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("node", "writer"),
    )


def _hierarchy() -> None:
    op.create_table(
        "roster_version",
        sa.Column("version", BIG, nullable=False, autoincrement=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "unit",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("from_version", BIG, nullable=False, autoincrement=False),
        sa.Column("to_version", BIG, nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("official_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("parent_no", BIG, nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("households", BIG, nullable=True),
        sa.Column("vulnerable", BIG, nullable=True),
        sa.Column("should_transfer", BIG, nullable=True),
        sa.Column("shelter", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("no", "from_version"),
    )
    op.create_index("unit_code", "unit", ["code"])
    op.create_index("unit_path", "unit", ["path"])


def _people() -> None:
    op.create_table(
        "person",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("from_version", BIG, nullable=False, autoincrement=False),
        sa.Column("to_version", BIG, nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("party_member", sa.SmallInteger(), nullable=False),
        sa.Column("channels", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("no", "from_version"),
    )
    op.create_index("person_key", "person", ["person_id"])
    op.create_table(
        "duty",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("from_version", BIG, nullable=False, autoincrement=False),
        sa.Column("to_version", BIG, nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("unit_no", BIG, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("no", "from_version"),
    )
    op.create_index("duty_unit", "duty", ["unit_no", "role"])
    op.create_table(
        "holding",
        sa.Column("person_no", BIG, nullable=False, autoincrement=False),
        sa.Column("duty_no", BIG, nullable=False, autoincrement=False),
        sa.Column("from_version", BIG, nullable=False, autoincrement=False),
        sa.Column("to_version", BIG, nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("unit_no", BIG, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("shift_from", sa.SmallInteger(), nullable=True),
        sa.Column("shift_to", sa.SmallInteger(), nullable=True),
        sa.Column("verified_at", BIG, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("person_no", "duty_no", "from_version"),
    )
    op.create_index("holding_duty", "holding", ["duty_no", "rank"])


def _ways() -> None:
    op.create_table(
        "address",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cipher", sa.LargeBinary(), nullable=False),
        sa.Column("blind", sa.LargeBinary(), nullable=False),
        sa.Column("tail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("no"),
    )
    op.create_index("address_blind", "address", ["blind"], unique=True)
    op.create_table(
        "contact",
        sa.Column("person_no", BIG, nullable=False, autoincrement=False),
        sa.Column("channel", sa.SmallInteger(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("from_version", BIG, nullable=False, autoincrement=False),
        sa.Column("to_version", BIG, nullable=False),
        sa.Column("address_no", BIG, nullable=False),
        sa.PrimaryKeyConstraint("person_no", "channel", "rank", "from_version"),
    )
    op.create_index("contact_address", "contact", ["address_no"])


def _terminals() -> None:
    op.create_table(
        "terminal",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("from_version", BIG, nullable=False, autoincrement=False),
        sa.Column("to_version", BIG, nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("unit_no", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("volume", sa.SmallInteger(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("no", "from_version"),
    )
    op.create_index("terminal_key", "terminal", ["terminal_id"])
    op.create_index("terminal_unit", "terminal", ["unit_no"])
    op.create_table(
        "terminal_state",
        sa.Column("terminal_no", BIG, nullable=False, autoincrement=False),
        sa.Column("online", sa.SmallInteger(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("changed_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("terminal_no"),
    )
    op.create_table(
        "chat_group",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("from_version", BIG, nullable=False, autoincrement=False),
        sa.Column("to_version", BIG, nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("unit_no", BIG, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address_no", BIG, nullable=False),
        sa.Column("secret_cipher", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("no", "from_version"),
    )
    op.create_index("chat_group_unit", "chat_group", ["unit_no"])


def _principals() -> None:
    op.create_table(
        "principal",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("person_no", BIG, nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("must_change", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("disabled_at", BIG, nullable=True),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.PrimaryKeyConstraint("no"),
    )
    op.create_table(
        "token",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("principal_no", BIG, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=True),
        sa.Column("revoked_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("hash"),
    )


def _visits() -> None:
    op.create_table(
        "session",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("principal_no", BIG, nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("revoked_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "idempotency",
        sa.Column("principal_no", BIG, nullable=False, autoincrement=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("principal_no", "key"),
    )
