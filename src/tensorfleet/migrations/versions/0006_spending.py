"""Whom a lease was for, which outlives the job, and the ledger's ways to find leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FOR = {"job_name": 200, "algorithm": 300, "worker_type": 64}


def upgrade() -> None:
    for name, length in FOR.items():
        op.add_column("leases", sa.Column(name, sa.String(length=length), nullable=True))
    op.create_index("ix_leases_job", "leases", ["job_id"])
    op.create_index("ix_leases_released", "leases", ["released_at"])


def downgrade() -> None:
    op.drop_index("ix_leases_released", "leases")
    op.drop_index("ix_leases_job", "leases")
    for name in reversed(FOR):
        op.drop_column("leases", name)
