"""People, programs and workspaces: who may do what."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        _text("id", 32, nullable=False),
        _text("name", 100, nullable=False),
        _text("email", 320),
        _text("role", 20),
        sa.Column("is_service", sa.Boolean(), nullable=False),
        _text("password_hash", 300),
        _text("totp_secret", 300),
        sa.Column("totp_step", sa.BigInteger()),
        _time("created_at", nullable=False),
        _time("disabled_at"),
        _time("last_login_at"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_table(
        "workspaces",
        _text("name", 100, nullable=False),
        sa.Column("description", sa.Text()),
        _time("created_at", nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_workspaces"),
    )
    op.create_table(
        "identities",
        _text("issuer", 300, nullable=False),
        _text("subject", 300, nullable=False),
        _text("user_id", 32, nullable=False),
        _time("created_at", nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_identities"),
        _of_user("identities"),
    )
    _create_memberships()
    _create_credentials()


def _create_memberships() -> None:
    op.create_table(
        "memberships",
        _text("workspace", 100, nullable=False),
        _text("user_id", 32, nullable=False),
        _text("role", 20, nullable=False),
        _text("given_by", 20, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "user_id", name="pk_memberships"),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name="fk_memberships_workspace", ondelete="CASCADE"
        ),
        _of_user("memberships"),
    )
    op.create_index("ix_memberships_user", "memberships", ["user_id"])


def _create_credentials() -> None:
    op.create_table(
        "api_keys",
        _text("id", 32, nullable=False),
        _text("user_id", 32, nullable=False),
        _text("name", 100, nullable=False),
        _text("digest", 64, nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        _text("workspace", 100),
        _time("created_at", nullable=False),
        _time("expires_at"),
        _time("last_used_at"),
        _time("revoked_at"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        _of_user("api_keys"),
    )
    op.create_index("ix_api_keys_user", "api_keys", ["user_id"])
    op.create_table(
        "sessions",
        _text("id", 32, nullable=False),
        _text("user_id", 32, nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        _time("created_at", nullable=False),
        _time("refreshed_at", nullable=False),
        _time("expires_at", nullable=False),
        _time("revoked_at"),
        _text("revoked_why", 100),
        _text("client", 300),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        _of_user("sessions"),
    )
    op.create_index("ix_sessions_user", "sessions", ["user_id"])
    op.create_index("ix_sessions_expires", "sessions", ["expires_at"])


def _text(name: str, length: int, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _time(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{table}_user_id", ondelete="CASCADE")


def downgrade() -> None:
    for table in ("sessions", "api_keys", "memberships", "identities", "workspaces", "users"):
        op.drop_table(table)
