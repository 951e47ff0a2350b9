"""What hangs together, in SQL: each question goes through an index, and gets so many answers at most."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, select

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import dataset_versions, jobs, model_versions, trials
from tensorfleet.lineage.model import JobLink, ModelLink, Node, NodeKind, dataset_node, model_id
from tensorfleet.registry.model import bare_name
from tensorfleet.tuning.model import KIND

_COLUMNS = (
    jobs.c.id, jobs.c.name, jobs.c.workspace, jobs.c.kind, jobs.c.status, jobs.c.created_at, jobs.c.dataset,
    jobs.c.dataset_version, jobs.c.parent, jobs.c.inputs["replay_of"].as_string().label("replay_of"),
)  # fmt: skip
_MODELS = (
    model_versions.c.name, model_versions.c.version, model_versions.c.workspace, model_versions.c.job_id,
    model_versions.c.aliases, model_versions.c.created_at,
)  # fmt: skip


class SqlLineage:
    def __init__(self, database: Database) -> None:
        self._database = database

    def dataset(self, name: str, workspace: str, version: int | None, limit: int) -> list[Node]:
        """Its versions, the newest first, or that one."""
        of = dataset_versions.c
        query = select(of.version, of.created_at).where(of.name == name, of.workspace == workspace)
        if version is not None:
            query = query.where(of.version == version)
        rows = self._all(query.order_by(of.version.desc()).limit(limit))
        return [dataset_node(name, row.version, workspace, row.created_at) for row in rows]

    def readers(self, name: str, workspace: str, version: int | None, limit: int) -> list[JobLink]:
        """Jobs that have read a dataset, the newest first; their studies in place of trials."""
        trial = exists().where(trials.c.job_id == jobs.c.id)
        query = select(*_COLUMNS).where(jobs.c.workspace == workspace, jobs.c.dataset == name, ~trial)
        if version is not None:
            query = query.where(jobs.c.dataset_version == version)
        return [_job(row) for row in self._all(query.order_by(jobs.c.created_at.desc()).limit(limit))]

    def jobs(self, job_ids: Collection[str]) -> list[JobLink]:
        return self._jobs(jobs.c.id.in_(job_ids), len(job_ids)) if job_ids else []

    def children(self, job_ids: Collection[str], limit: int) -> list[JobLink]:
        """Forks and replays of these."""
        return self._jobs(jobs.c.parent.in_(job_ids), limit) if job_ids else []

    def _jobs(self, which: ColumnElement[bool], limit: int) -> list[JobLink]:
        query = select(*_COLUMNS, trials.c.study_id).outerjoin(trials, trials.c.job_id == jobs.c.id)
        rows = self._all(query.where(which).order_by(jobs.c.created_at.desc()).limit(limit))
        return [_job(row, row.study_id) for row in rows]

    def model(self, registered: str, version: int | None, limit: int) -> list[ModelLink]:
        """Its versions, the newest first, or that one."""
        of = model_versions.c
        query = select(*_MODELS).where(of.name == registered)
        if version is not None:
            query = query.where(of.version == version)
        return self._models(query.order_by(of.version.desc()).limit(limit))

    def models_of(self, job_ids: Collection[str], limit: int) -> list[ModelLink]:
        """What came of these jobs."""
        query = select(*_MODELS).where(model_versions.c.job_id.in_(job_ids))
        return self._models(query.limit(limit)) if job_ids else []

    def trials_with_models(self, study_ids: Collection[str], limit: int) -> list[str]:
        """The trials of these studies of which models came."""
        query = select(trials.c.job_id).join(model_versions, model_versions.c.job_id == trials.c.job_id)
        query = query.where(trials.c.study_id.in_(study_ids)).distinct().limit(limit)
        return [row.job_id for row in self._all(query)] if study_ids else []

    def _models(self, query: Select[Any]) -> list[ModelLink]:
        return [_model(row) for row in self._all(query)]

    def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._database.read() as connection:
            return connection.execute(query).all()


def _job(row: Row[Any], study: str | None = None) -> JobLink:
    kind = NodeKind.STUDY if row.kind == KIND else NodeKind.JOB
    node = Node(row.id, kind, row.name, row.workspace, status=row.status, created_at=row.created_at)
    return JobLink(node, row.dataset, row.dataset_version, row.parent, row.replay_of is not None, study)


def _model(row: Row[Any]) -> ModelLink:
    name = bare_name(row.workspace, row.name)
    aliases = tuple(row.aliases)
    node = Node(
        model_id(name, row.version, row.workspace), NodeKind.MODEL, name, row.workspace, row.version,
        aliases=aliases, created_at=row.created_at,
    )  # fmt: skip
    return ModelLink(node, row.job_id)
