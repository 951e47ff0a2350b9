"""The newest jobs of a workspace are found in the order in which they are shown."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_jobs_workspace", "jobs", ["workspace", "created_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_jobs_workspace", table_name="jobs")
