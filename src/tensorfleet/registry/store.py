"""The registry in SQL: the projection `model_versions`, intents in `outbox`, and what tracking tells jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, String, cast, delete, insert, or_, select, update

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import events, jobs, model_versions, outbox
from tensorfleet.errors import PreconditionFailed
from tensorfleet.registry.model import (
    ALIAS_MOVED_EVENT,
    ANY,
    REGISTERED_EVENT,
    Expected,
    Intent,
    IntentKind,
    IntentResult,
    ModelFile,
    ModelVersion,
    RegisteredModel,
    TrackedJob,
    bare_name,
    workspace_of_name,
)

TOPIC = "registry"


class SqlRegistryStore:
    """`RegistryStore` and `TrackingStore` on the metadata store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def models(
        self, limit: int, after: str | None, within: Sequence[str] | None = None
    ) -> list[RegisteredModel]:
        """By registered name; one page after the model called `after`, of these workspaces if they are given."""
        names = select(model_versions.c.name).distinct().order_by(model_versions.c.name).limit(limit)
        if within is not None:
            names = names.where(model_versions.c.workspace.in_(within))
        if after is not None:
            names = names.where(model_versions.c.name > after)
        with self._database.read() as connection:
            page = list(connection.execute(names).scalars())
            columns = (
                model_versions.c.name,
                model_versions.c.workspace,
                model_versions.c.version,
                model_versions.c.aliases,
                model_versions.c.created_at,
            )
            rows = connection.execute(select(*columns).where(model_versions.c.name.in_(page))).all()
        return [_model(name, [row for row in rows if row.name == name]) for name in page]

    def model_names(self, workspace: str) -> list[str]:
        names = select(model_versions.c.name).where(model_versions.c.workspace == workspace).distinct()
        with self._database.read() as connection:
            return list(connection.execute(names).scalars())

    def versions(self, name: str, limit: int, below: int | None) -> list[ModelVersion]:
        query = select(model_versions).where(model_versions.c.name == name)
        if below is not None:
            query = query.where(model_versions.c.version < below)
        with self._database.read() as connection:
            return [
                _version(row)
                for row in connection.execute(query.order_by(model_versions.c.version.desc()).limit(limit))
            ]

    def version_numbers(self, name: str) -> list[int]:
        query = (
            select(model_versions.c.version)
            .where(model_versions.c.name == name)
            .order_by(model_versions.c.version)
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def find_version(self, name: str, version: int) -> ModelVersion | None:
        with self._database.read() as connection:
            row = connection.execute(select(model_versions).where(_is(name, version))).one_or_none()
        return _version(row) if row else None

    def refers_to(self, job_id: str) -> bool:
        """Whether a version is made of this job's model, or was asked for and is not there yet."""
        versions = select(model_versions.c.name).where(
            or_(
                model_versions.c.job_id == job_id,
                model_versions.c.source.contains(f"models/{job_id}/", autoescape=True),
                cast(model_versions.c.tags, String).contains(f"models/{job_id}/", autoescape=True),
            )
        )
        asked = select(outbox.c.id).where(
            outbox.c.topic == TOPIC,
            outbox.c.done_at.is_(None),
            cast(outbox.c.data, String).contains(job_id, autoescape=True),
        )
        with self._database.read() as connection:
            return any(connection.execute(query.limit(1)).first() is not None for query in (versions, asked))

    def workspaces_of(self, prefix: str) -> set[str]:
        """The workspaces that have a version with its files in this folder of the object store."""
        query = select(model_versions.c.workspace, model_versions.c.source).where(
            model_versions.c.source.endswith(f"/{prefix}", autoescape=True)
        )
        with self._database.read() as connection:
            return {row.workspace for row in connection.execute(query)}

    def set_alias(
        self, name: str, alias: str, version: int | None, now: datetime, *, expected: Expected = ANY
    ) -> None:
        kind = IntentKind.DELETE_ALIAS if version is None else IntentKind.SET_ALIAS
        with self._database.begin() as connection:
            before = _move_alias(connection, name, alias, version)
            if expected not in (ANY, before):
                where = f"points at version {before}" if before else "does not exist"
                raise PreconditionFailed(f"alias '{alias}' {where} by now; read it again, then decide")
            _add_intent(connection, kind, {"name": name, "alias": alias, "version": version}, now)
            if before != version:
                moved = {"alias": alias, "version": version, "before": before}
                self._append(connection, None, ALIAS_MOVED_EVENT, _of_model(name) | moved, now)

    def request(self, kind: IntentKind, data: dict[str, Any], now: datetime) -> int:
        with self._database.begin() as connection:
            return _add_intent(connection, kind, data, now)

    def intent_result(self, intent_id: int) -> IntentResult:
        with self._database.read() as connection:
            row = connection.execute(
                select(outbox.c.done_at, outbox.c.data).where(outbox.c.id == intent_id)
            ).one()
        result = row.data.get("result") or {}
        return IntentResult(row.done_at is not None, result.get("version"), result.get("error"))

    def open_intents(self, limit: int) -> list[Intent]:
        query = select(outbox.c.id, outbox.c.kind, outbox.c.data).where(
            outbox.c.topic == TOPIC, outbox.c.done_at.is_(None)
        )
        with self._database.read() as connection:
            return [
                Intent(row.id, row.kind, row.data)
                for row in connection.execute(query.order_by(outbox.c.id).limit(limit))
            ]

    def close_intent(self, intent_id: int, result: dict[str, Any], now: datetime) -> None:
        with self._database.begin() as connection:
            data = connection.execute(select(outbox.c.data).where(outbox.c.id == intent_id)).scalar_one()
            values = {"data": {**data, "result": result}, "done_at": now}
            connection.execute(update(outbox).where(outbox.c.id == intent_id).values(**values))

    def find_job(self, job_id: str) -> TrackedJob | None:
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
        return _job(row) if row else None

    def record_run(self, job_id: str, run_id: str) -> None:
        with self._database.begin() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(mlflow_run_id=run_id))

    def record_version(self, version: ModelVersion, now: datetime, *, tell_job: bool) -> None:
        told = {"name": version.name, "version": version.version}
        with self._database.begin() as connection:
            is_new = _save_version(connection, version)
            changed = or_(jobs.c.model_version.is_(None), jobs.c.model_version != version.version)
            mine = (jobs.c.id == version.job_id) & changed
            statement = update(jobs).where(mine).values(model_version=version.version)
            # Rows first, the log's lock last, as everybody takes them.
            if tell_job and connection.execute(statement).rowcount:
                self._append(connection, version.job_id, "job.registered", told, now)
            if is_new:
                made = _of_model(version.name) | {"version": version.version, "job_id": version.job_id}
                self._append(connection, None, REGISTERED_EVENT, made, now)

    def record_skip(self, job_id: str | None, data: dict[str, Any], now: datetime) -> None:
        with self._database.begin() as connection:
            self._append(connection, job_id, "tracking.skipped", data, now)

    def sync(self, versions: Sequence[ModelVersion]) -> None:
        with self._database.begin() as connection:
            busy = _models_with_open_intents(connection)
            known = {
                (row.name, row.version)
                for row in connection.execute(select(model_versions.c.name, model_versions.c.version))
            }
            for version in versions:
                if version.name not in busy:
                    _save_version(connection, version, only_aliases=(version.name, version.version) in known)
            # An empty answer is a store that was begun anew, not one in which everything was deleted.
            gone = known - {(version.name, version.version) for version in versions} if versions else set()
            for name, number in gone:
                if name not in busy:
                    connection.execute(delete(model_versions).where(_is(name, number)))

    def _append(
        self, connection: Connection, job_id: str | None, kind: str, data: dict[str, Any], now: datetime
    ) -> None:
        self._database.lock_event_log(connection)
        connection.execute(insert(events).values(job_id=job_id, kind=kind, at=now, data=data))


def _is(name: str, version: int) -> Any:
    return (model_versions.c.name == name) & (model_versions.c.version == version)


def _add_intent(connection: Connection, kind: IntentKind, data: dict[str, Any], now: datetime) -> int:
    row = {"topic": TOPIC, "kind": kind.value, "data": data, "created_at": now}
    return int(connection.execute(insert(outbox).values(**row).returning(outbox.c.id)).scalar_one())


def _move_alias(connection: Connection, name: str, alias: str, version: int | None) -> int | None:
    """Returns where it pointed before."""
    query = select(model_versions.c.version, model_versions.c.aliases).where(model_versions.c.name == name)
    before: int | None = None
    for row in connection.execute(query.with_for_update()).all():
        before = row.version if alias in row.aliases else before
        aliases = sorted({*row.aliases, alias} if row.version == version else {*row.aliases} - {alias})
        if aliases != row.aliases:
            connection.execute(update(model_versions).where(_is(name, row.version)).values(aliases=aliases))
    return before


def _models_with_open_intents(connection: Connection) -> set[str]:
    query = select(outbox.c.data).where(outbox.c.topic == TOPIC, outbox.c.done_at.is_(None))
    return {str(data.get("name")) for data in connection.execute(query).scalars()}


def _of_model(registered: str) -> dict[str, Any]:
    workspace = workspace_of_name(registered)
    return {"name": bare_name(workspace, registered), "workspace": workspace}


def _save_version(connection: Connection, version: ModelVersion, *, only_aliases: bool = False) -> bool:
    """Returns whether it was not there before."""
    mine = _is(version.name, version.version)
    if only_aliases:
        connection.execute(update(model_versions).where(mine).values(aliases=sorted(version.aliases)))
        return False
    values: dict[str, Any] = {
        "workspace": version.workspace,
        "job_id": version.job_id,
        "run_id": version.run_id,
        "source": version.source,
        "tags": version.tags,
        "metrics": version.metrics,
        "signature": version.signature,
        "files": [file.to_dict() for file in version.files],
        "created_at": version.created_at,
    }
    # Aliases of a version that is there belong to the intents: a second report of it leaves them alone.
    if connection.execute(update(model_versions).where(mine).values(**values)).rowcount > 0:
        return False
    keys = {"name": version.name, "version": version.version, "aliases": sorted(version.aliases)}
    connection.execute(insert(model_versions).values(**values, **keys))
    return True


def _model(name: str, rows: Sequence[Any]) -> RegisteredModel:
    return RegisteredModel(
        name=name,
        workspace=rows[0].workspace,
        latest_version=max(row.version for row in rows),
        aliases={alias: row.version for row in rows for alias in row.aliases},
        created_at=min(row.created_at for row in rows),
        updated_at=max(row.created_at for row in rows),
    )


def _version(row: Row[Any]) -> ModelVersion:
    return ModelVersion(
        name=row.name,
        version=row.version,
        workspace=row.workspace,
        job_id=row.job_id,
        run_id=row.run_id,
        source=row.source,
        created_at=row.created_at,
        aliases=tuple(row.aliases),
        tags=row.tags,
        metrics=row.metrics,
        signature=row.signature,
        files=tuple(ModelFile(**file) for file in row.files),
    )


def _job(row: Row[Any]) -> TrackedJob:
    return TrackedJob(
        id=row.id,
        name=row.name,
        workspace=row.workspace,
        kind=row.kind,
        workers=row.workers,
        attempt=row.attempt,
        spec=row.spec,
        inputs=row.inputs,
        result=row.result,
        metrics=row.metrics,
        created_at=row.created_at,
        started_at=row.started_at,
        run_id=row.mlflow_run_id,
        model_version=row.model_version,
    )
