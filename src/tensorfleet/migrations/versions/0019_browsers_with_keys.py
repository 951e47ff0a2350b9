"""Signing a browser in with a key, or with a ticket of the command line."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("key_id", sa.String(length=32), nullable=True))
    _make_codes(nullable=True, key=True)


def downgrade() -> None:
    _make_codes(nullable=False, key=False)
    op.drop_column("sessions", "key_id")


def _make_codes(*, nullable: bool, key: bool) -> None:
    """Anew: what is in the table is good for a minute."""
    op.drop_table("sign_in_codes")
    of_key = (
        sa.Column("key_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name="fk_sign_in_codes_key_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "sign_in_codes",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=nullable),
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("redirect_uri", sa.String(length=200), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        *(of_key if key else ()),
        sa.PrimaryKeyConstraint("digest", name="pk_sign_in_codes"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_sign_in_codes_session_id", ondelete="CASCADE"
        ),
    )
