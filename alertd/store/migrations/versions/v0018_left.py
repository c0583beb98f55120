"""When a message may first have left: a reply written before that isn't an answer to it.

Revision ID: v0018
Revises: v0017
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "v0018"
down_revision = "v0017"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MAY_HAVE_LEFT = (2, 3, 5)  # accepted, delivered, unknown


def upgrade() -> None:
    """Read it from the journal, so that what is made again from there is alike."""
    with op.batch_alter_table("delivery", recreate="always") as delivery:
        delivery.add_column(sa.Column("left_at", BIG, nullable=True))
    connection = op.get_bind()
    facts = connection.execute(
        sa.text(
            "SELECT kind, occurred_at, body FROM journal WHERE kind IN ('claimed', 'settled')"
            " ORDER BY turn, node, writer, seq"
        )
    )
    began = sa.text("UPDATE delivery SET left_at = coalesce(left_at, :at) WHERE id = :id")
    stayed = sa.text("UPDATE delivery SET left_at = NULL WHERE id = :id")
    for kind, at, body in facts:
        items = json.loads(body)["items"]
        if kind == "claimed":
            connection.execute(began, [{"at": at, "id": no} for no, _ in items])
            continue
        turned_away = [
            {"id": no}
            for no, _, state, _, _, _, duplicate, *_ in items
            if state not in _MAY_HAVE_LEFT and not duplicate
        ]
        if turned_away:
            connection.execute(stayed, turned_away)


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
