"""Leases are renewed by a count, which no clock can bend, instead of until a time."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LEASED = sa.text("state = 'leased'")


def upgrade() -> None:
    """Put the one in the other's place; whatever is leased now is watched from now on."""
    op.drop_index("jobs_leased", "jobs")
    op.drop_column("jobs", "lease_until")
    op.add_column("jobs", sa.Column("renewals", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("jobs_leased", "jobs", ["id"], sqlite_where=_LEASED, postgresql_where=_LEASED)


def downgrade() -> None:
    """There is no way back but a copy from before."""
    raise NotImplementedError
