"""Alerts: what is asked, what is sent, what comes back.

Revision ID: v0002
Revises: v0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "v0002"
down_revision = "v0001"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Lay them beside the roster."""
    _alerts()
    _asked()
    _deliveries()
    _inbound()
    _acks()
    _open_ends()


def downgrade() -> None:
    """Refuse: the record of alerts is never dropped."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)


def _where(condition: str) -> dict[str, Any]:
    """A partial index: the few rows that are waiting, not the millions that are done."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _alerts() -> None:
    op.create_table(
        "event",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("opened_at", BIG, nullable=False),
        sa.UniqueConstraint("id"),
        sa.PrimaryKeyConstraint("no"),
    )
    op.create_table(
        "alert",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("event_no", BIG, nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("sent", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("msg_type", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("short_code", sa.Text(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("cap", sa.Text(), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("templates", sa.Text(), nullable=False),
        sa.Column("references_no", BIG, nullable=True),
        sa.Column("created_by", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("approved_by", sa.LargeBinary(), nullable=True),
        sa.Column("approved_at", BIG, nullable=True),
        sa.Column("break_glass", sa.SmallInteger(), nullable=False),
        sa.Column("issue_at", BIG, nullable=True),
        sa.Column("issued_at", BIG, nullable=True),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("ended_at", BIG, nullable=True),
        sa.Column("roster_version", BIG, nullable=True),
        sa.Column("roster_digest", sa.Text(), nullable=False),
        sa.Column("phase", sa.SmallInteger(), nullable=False),
        sa.Column("cursor", BIG, nullable=False),
        sa.Column("next_delivery", BIG, nullable=False),
        sa.Column("next_message", BIG, nullable=False),
        sa.UniqueConstraint("id"),
        sa.PrimaryKeyConstraint("no"),
    )
    op.create_index("alert_cap", "alert", ["sender", "identifier", "sent"], unique=True)
    op.create_index("alert_short_code", "alert", ["short_code"], unique=True)
    op.create_index("alert_state", "alert", ["state"])


def _asked() -> None:
    op.create_table(
        "message",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("text_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("no"),
    )
    op.create_table(
        "requirement",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("unit_no", BIG, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("needed", sa.SmallInteger(), nullable=False),
        sa.Column("have", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("start_at", BIG, nullable=False),
        sa.Column("due_at", BIG, nullable=True),
        sa.Column("told", sa.SmallInteger(), nullable=False),
        sa.Column("covered_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("no"),
    )
    op.create_index("requirement_due", "requirement", ["due_at"], **_where("state = 0"))
    op.create_table(
        "coverage",
        sa.Column("alert_no", BIG, nullable=False, autoincrement=False),
        sa.Column("stage", sa.SmallInteger(), nullable=False),
        sa.Column("unit_no", BIG, nullable=False, autoincrement=False),
        sa.Column("needed", BIG, nullable=False),
        sa.Column("covered", BIG, nullable=False),
        sa.Column("exhausted", BIG, nullable=False),
        sa.Column("helping", BIG, nullable=False),
        sa.PrimaryKeyConstraint("alert_no", "stage", "unit_no"),
    )


def _deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", BIG, nullable=False, autoincrement=False),
        sa.Column("message_no", BIG, nullable=False),
        sa.Column("recipient_kind", sa.SmallInteger(), nullable=False),
        sa.Column("recipient_no", BIG, nullable=False),
        sa.Column("address_no", BIG, nullable=True),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", BIG, nullable=True),
        sa.Column("route", sa.Text(), nullable=True),
        sa.Column("avoid_route", sa.Text(), nullable=True),
        sa.Column("lease", sa.Text(), nullable=True),
        sa.Column("duplicate", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("played", sa.SmallInteger(), nullable=False),
        sa.Column("settled_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "delivery_deadline",
        "delivery",
        ["due_at"],
        **_where("state IN (1, 2, 5) AND due_at IS NOT NULL"),
    )
    op.create_index(
        "delivery_queue", "delivery", ["lane", "priority", "due_at", "id"], **_where("state = 0")
    )
    op.create_index("delivery_recipient", "delivery", ["recipient_no", "id"])
    op.create_table(
        "delivery_count",
        sa.Column("alert_no", BIG, nullable=False, autoincrement=False),
        sa.Column("channel", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("n", BIG, nullable=False),
        sa.PrimaryKeyConstraint("alert_no", "channel", "state"),
    )


def _inbound() -> None:
    op.create_table(
        "inbound",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("gateway_key", sa.Text(), nullable=False),
        sa.Column("address_no", BIG, nullable=False),
        sa.Column("received_at", BIG, nullable=False),
        sa.Column("body_cipher", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("alert_no", BIG, nullable=True),
        sa.Column("person_no", BIG, nullable=True),
        sa.Column("classified_by", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("no"),
    )
    op.create_index("inbound_address", "inbound", ["address_no", "no"])
    op.create_index("inbound_gateway_key", "inbound", ["route", "gateway_key"], unique=True)
    op.create_index("inbound_verdict", "inbound", ["verdict", "no"])


def _acks() -> None:
    op.create_table(
        "ack",
        sa.Column("no", BIG, nullable=False, autoincrement=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("alert_no", BIG, nullable=False),
        sa.Column("person_no", BIG, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("count", BIG, nullable=True),
        sa.Column("of", BIG, nullable=True),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("late", sa.SmallInteger(), nullable=False),
        sa.Column("occurred_at", BIG, nullable=False),
        sa.Column("inbound_no", BIG, nullable=True),
        sa.Column("by", sa.LargeBinary(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", BIG, nullable=True),
        sa.UniqueConstraint("id"),
        sa.PrimaryKeyConstraint("no"),
    )
    op.create_index("ack_alert", "ack", ["alert_no", "person_no"])
    op.create_table(
        "answer",
        sa.Column("requirement_no", BIG, nullable=False, autoincrement=False),
        sa.Column("person_no", BIG, nullable=False, autoincrement=False),
        sa.Column("ack_no", BIG, nullable=False),
        sa.PrimaryKeyConstraint("requirement_no", "person_no"),
    )


def _open_ends() -> None:
    op.create_table(
        "help_case",
        sa.Column("ack_no", BIG, nullable=False, autoincrement=False),
        sa.Column("alert_no", BIG, nullable=False),
        sa.Column("unit_no", BIG, nullable=False),
        sa.Column("person_no", BIG, nullable=False),
        sa.Column("opened_at", BIG, nullable=False),
        sa.Column("climbed", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("taken_by", sa.LargeBinary(), nullable=True),
        sa.Column("taken_at", BIG, nullable=True),
        sa.Column("closed_by", sa.LargeBinary(), nullable=True),
        sa.Column("closed_at", BIG, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ack_no"),
    )
    op.create_index(
        "help_due", "help_case", ["due_at"], **_where("taken_at IS NULL AND closed_at IS NULL")
    )
    op.create_table(
        "digest_entry",
        sa.Column("duty_no", BIG, nullable=False, autoincrement=False),
        sa.Column("requirement_no", BIG, nullable=False, autoincrement=False),
        sa.Column("alert_no", BIG, nullable=False),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("message_no", BIG, nullable=True),
        sa.PrimaryKeyConstraint("duty_no", "requirement_no"),
    )
    op.create_index("digest_due", "digest_entry", ["due_at"], **_where("message_no IS NULL"))
