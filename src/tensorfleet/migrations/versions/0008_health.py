"""What is known of a worker's machine: the last look at it, and its quarantine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("health", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("workers", "health")
