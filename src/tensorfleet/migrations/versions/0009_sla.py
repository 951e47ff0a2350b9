"""What was measured of the API, and indexes that answer reports about jobs by themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

FINISHED = ["finished_at", "workspace", "status", "failure", "attempt", "steps_lost"]


def upgrade() -> None:
    op.create_table(
        "sla_uptime",
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("up", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("began_at", name="pk_sla_uptime"),
    )
    op.create_index("ix_sla_uptime_ended", "sla_uptime", ["ended_at"])
    op.create_table(
        "sla_answers",
        sa.Column("span_s", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("route", sa.String(length=20), nullable=False),
        sa.Column("edge_us", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("span_s", "at", "route", "edge_us", name="pk_sla_answers"),
    )
    op.add_column("jobs", sa.Column("failure", sa.String(length=20), nullable=True))
    _fill()
    over = sa.text("finished_at IS NOT NULL")
    op.create_index("ix_jobs_finished", "jobs", FINISHED, sqlite_where=over, postgresql_where=over)
    op.drop_index("ix_jobs_created", "jobs")
    op.create_index("ix_jobs_created", "jobs", ["created_at", "id", "workspace", "kind", "started_at"])


def _fill() -> None:
    jobs = sa.table("jobs", sa.column("status"), sa.column("error", sa.JSON()), sa.column("failure"))
    cls = jobs.c.error["class"].as_string()
    op.execute(sa.update(jobs).where(jobs.c.status == "failed").values(failure=cls))


def downgrade() -> None:
    op.drop_index("ix_jobs_created", "jobs")
    op.create_index("ix_jobs_created", "jobs", ["created_at", "id"])
    op.drop_index("ix_jobs_finished", "jobs")
    op.drop_column("jobs", "failure")
    op.drop_table("sla_answers")
    op.drop_table("sla_uptime")
