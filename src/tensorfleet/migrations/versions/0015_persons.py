"""A key for each person, and columns for what is sealed with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "persons",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("name_mark", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_persons"),
    )
    op.create_index("ix_persons_name", "persons", ["name_mark"])
    op.add_column("users", sa.Column("personal", sa.Text(), nullable=True))
    op.add_column("sessions", sa.Column("personal", sa.Text(), nullable=True))
    op.add_column("audit", sa.Column("subject", sa.String(length=64), nullable=True))
    op.add_column("audit", sa.Column("personal", sa.Text(), nullable=True))


def downgrade() -> None:
    for table, column in (
        ("audit", "personal"),
        ("audit", "subject"),
        ("sessions", "personal"),
        ("users", "personal"),
    ):
        op.drop_column(table, column)
    op.drop_table("persons")
