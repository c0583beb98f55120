"""A holding has the address of its person's first SMS contact beside it, for expansion.

Revision ID: v0003
Revises: v0002
"""

import sqlalchemy as sa
from alembic import op

revision = "v0003"
down_revision = "v0002"
branch_labels = None
depends_on = None

# SQLite keeps a table in the order of an INTEGER key and of no other spelling of it.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# An address that changed within a holding's life stands there as it was last.
_FILL = """
UPDATE holding SET address_no = (
    SELECT c.address_no FROM contact c
    WHERE c.person_no = holding.person_no AND c.channel = 1 AND c.rank = 1
        AND c.from_version < holding.to_version AND c.to_version >= holding.to_version
)
"""


def upgrade() -> None:
    """Add and fill it; the index by duty answers alone whether anybody there can be reached."""
    with op.batch_alter_table("holding", recreate="always") as holding:
        holding.add_column(sa.Column("address_no", BIG, nullable=True))
    op.execute(_FILL)
    op.drop_index("holding_duty", "holding")
    covered = ["duty_no", "rank", "to_version", "from_version", "address_no"]
    op.create_index("holding_duty", "holding", covered)


def downgrade() -> None:
    """Refuse: nothing is taken back."""
    message = "Nothing is ever taken back; restore a backup instead."
    raise NotImplementedError(message)
