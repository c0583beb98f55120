"""When a delivery's last try began: a reply written before it isn't an answer to it.

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


def upgrade() -> None:
    """Read it from the journal, so that what is made again from there is alike."""
    with op.batch_alter_table("delivery", recreate="always") as delivery:
        delivery.add_column(sa.Column("claimed_at", BIG, nullable=True))
    connection = op.get_bind()
    claims = connection.execute(
        sa.text(
            "SELECT occurred_at, body FROM journal WHERE kind = 'claimed'"
            " ORDER BY turn, node, writer, seq"
        )
    )
    change = sa.text("UPDATE delivery SET claimed_at = :at WHERE id = :id")
    for at, body in claims:
        connection.execute(change, [{"at": at, "id": no} for no, _ in json.loads(body)["items"]])


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
