"""Signing in by browser: codes for the command line, sessions with an end, and who gave somebody's role."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("role_given_by", sa.String(length=20), nullable=True))
    op.add_column("sessions", sa.Column("ends_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "sign_in_codes",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("redirect_uri", sa.String(length=200), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sign_in_codes"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_sign_in_codes_session_id", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    op.drop_table("sign_in_codes")
    op.drop_column("sessions", "ends_at")
    op.drop_column("users", "role_given_by")
