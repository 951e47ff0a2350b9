"""How busy workers were; what jobs are searched by, what they read and what they came of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

CREATED = ["created_at", "id", "workspace", "kind", "started_at"]
SUMS = ("load", "memory", "slots", "busy", "queued", "workers")
HIGHEST = ("load", "memory", "busy", "queued")


def upgrade() -> None:
    _add_usage()
    for column in (
        sa.Column("algorithm", sa.String(length=300), nullable=True),
        sa.Column("dataset", sa.String(length=200), nullable=True),
        sa.Column("dataset_version", sa.Integer(), nullable=True),
        sa.Column("parent", sa.String(length=32), nullable=True),
    ):
        op.add_column("jobs", column)
    _fill()
    op.drop_index("ix_jobs_created", "jobs")
    op.create_index("ix_jobs_created", "jobs", [*CREATED, "status", "name", "algorithm"])
    for name, columns, where in (
        ("ix_jobs_dataset", ["workspace", "dataset", "created_at", "dataset_version"], "dataset IS NOT NULL"),
        ("ix_jobs_parent", ["parent"], "parent IS NOT NULL"),
    ):
        there = sa.text(where)
        op.create_index(name, "jobs", columns, sqlite_where=there, postgresql_where=there)
    op.create_index("ix_model_versions_job", "model_versions", ["job_id"])


def _add_usage() -> None:
    sums = [sa.Column(f"{name}_sum", sa.Float(), nullable=False) for name in SUMS]
    highest = [sa.Column(f"{name}_max", sa.Float(), nullable=False) for name in HIGHEST]
    op.create_table(
        "worker_usage",
        sa.Column("span_s", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("worker_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("gpu", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("count", sa.Integer(), nullable=False),
        *sums,
        *highest,
        sa.PrimaryKeyConstraint("span_s", "worker_id", "at", "gpu", name="pk_worker_usage"),
    )
    op.create_index("ix_worker_usage_old", "worker_usage", ["span_s", "at"])


def _fill() -> None:
    """What of the jobs that there are stands in their JSON; of forks, in the event log."""
    json = sa.JSON()
    jobs = sa.table(
        "jobs", sa.column("id"), sa.column("spec", json), sa.column("inputs", json),
        sa.column("algorithm"), sa.column("dataset"), sa.column("dataset_version"), sa.column("parent"),
    )  # fmt: skip
    events = sa.table("events", sa.column("job_id"), sa.column("kind"), sa.column("data", json))
    origin = (
        sa.select(sa.func.min(events.c.data["job_id"].as_string()))
        .where(events.c.job_id == jobs.c.id, events.c.kind == "job.forked")
        .scalar_subquery()
    )
    op.execute(
        sa.update(jobs).values(
            algorithm=jobs.c.spec["algorithm"].as_string(),
            dataset=jobs.c.inputs[("dataset", "name")].as_string(),
            dataset_version=jobs.c.inputs[("dataset", "version")].as_integer(),
            parent=sa.func.coalesce(jobs.c.inputs["replay_of"].as_string(), origin),
        )
    )


def downgrade() -> None:
    op.drop_index("ix_model_versions_job", "model_versions")
    for name in ("ix_jobs_parent", "ix_jobs_dataset", "ix_jobs_created"):
        op.drop_index(name, "jobs")
    op.create_index("ix_jobs_created", "jobs", CREATED)
    for column in ("parent", "dataset_version", "dataset", "algorithm"):
        op.drop_column("jobs", column)
    op.drop_table("worker_usage")
