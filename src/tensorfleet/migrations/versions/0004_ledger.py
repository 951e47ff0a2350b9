"""What each lease stood for, and what its time was good for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STOOD_FOR: dict[str, tuple[sa.types.TypeEngine[Any], str]] = {
    "workspace": (sa.String(length=100), "default"),
    "cpus": (sa.Float(), "0"),
    "gpus": (sa.Float(), "0"),
    "memory_bytes": (sa.BigInteger(), "0"),
}
SPENT = ("idle_s", "useful_s", "lost_s", "hung_s", "cpu_used_s", "energy_j")


def upgrade() -> None:
    for name, (kind, default) in STOOD_FOR.items():
        op.add_column("leases", sa.Column(name, kind, nullable=False, server_default=default))
    for name in SPENT:
        op.add_column("leases", sa.Column(name, sa.Float(), nullable=True))
    op.add_column("leases", sa.Column("energy_how", sa.String(length=20), nullable=True))
    op.create_index("ix_leases_granted", "leases", ["workspace", "granted_at"])


def downgrade() -> None:
    op.drop_index("ix_leases_granted", "leases")
    for name in ("energy_how", *SPENT, *STOOD_FOR):
        op.drop_column("leases", name)
