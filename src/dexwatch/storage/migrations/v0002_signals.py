"""The dead man's signals: when each source was last heard."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "signals",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("beats", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger),
        sa.Column("judged_beats", sa.BigInteger, nullable=False),
        sa.Column("checked_at", sa.BigInteger),
        sa.Column("silent", sa.Float, nullable=False),
        sa.Column("missing", sa.Boolean, nullable=False),
        sa.Column("missing_since", sa.BigInteger),
    )


def downgrade() -> None:
    """There is no way back but a copy from before."""
    raise NotImplementedError
