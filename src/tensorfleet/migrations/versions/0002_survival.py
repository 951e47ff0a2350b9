"""What jobs survived: attempts lost by the fleet, batches split after running out of memory, steps lost; and who leads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW_IN_JOBS = {"losses": "0", "accumulation": "1", "steps_lost": "0"}


def upgrade() -> None:
    for name, default in NEW_IN_JOBS.items():
        op.add_column("jobs", sa.Column(name, sa.Integer(), nullable=False, server_default=default))
    op.create_table(
        "leadership",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=300), nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leadership"),
    )
    op.create_table(
        "conditions",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("next_try_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_conditions"),
    )


def downgrade() -> None:
    op.drop_table("conditions")
    op.drop_table("leadership")
    for name in NEW_IN_JOBS:
        op.drop_column("jobs", name)
