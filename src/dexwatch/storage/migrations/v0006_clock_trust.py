"""What retention's last look at the wall clock found, so that a step deletes nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create its table."""
    op.create_table(
        "clock_trust",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("looked_at", sa.BigInteger, nullable=False),
        sa.Column("believed_at", sa.BigInteger),
        sa.Column("even_seconds", sa.Float, nullable=False),
    )


def downgrade() -> None:
    """There is no way back but a copy from before."""
    raise NotImplementedError
