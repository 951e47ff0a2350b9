"""Datasets in the SQL database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import dataset_versions, datasets
from tensorfleet.datasets.model import Column, Dataset, Version

_d = datasets.c
_v = dataset_versions.c


class SqlDatasetStore:
    """`DatasetStore` on SQLite and PostgreSQL."""

    def __init__(
        self,
        database: Database,
        admit: Callable[[Connection, str, int], None] = lambda connection, workspace, added: None,
    ) -> None:
        """`admit` is called in the transaction that has just added bytes to a workspace, and raises where that is too much."""
        self._database = database
        self._admit = admit

    def create(self, dataset: Dataset) -> bool:
        with self._database.begin() as connection:
            return self._insert_dataset(connection, dataset)

    def find(self, name: str, workspace: str) -> Dataset | None:
        query = _select_datasets().where(_d.name == name, _d.workspace == workspace)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Dataset(**row._mapping)

    def list(
        self,
        workspace: str,
        after: str = "",
        limit: int = 100,
        *,
        prefix: str = "",
        descending: bool = False,
    ) -> Sequence[Dataset]:
        query = _select_datasets().where(_d.workspace == workspace).limit(limit)
        query = query.order_by(_d.name.desc() if descending else _d.name)
        if after:
            query = query.where(_d.name < after if descending else _d.name > after)
        if prefix:
            query = query.where(func.substr(_d.name, 1, len(prefix)) == prefix)
        with self._database.read() as connection:
            return [Dataset(**row._mapping) for row in connection.execute(query)]

    def add_version(self, version: Version) -> tuple[Version, bool]:
        with self._database.begin() as connection:
            name = Dataset(version.name, version.workspace, None, version.created_at)
            self._insert_dataset(connection, name)
            # Two uploads to one dataset queue here, so that each gets a number of its own.
            connection.execute(select(_d.name).where(_is(datasets, version)).with_for_update())
            existing = connection.execute(
                select(dataset_versions).where(_is(dataset_versions, version), _v.digest == version.digest)
            ).one_or_none()
            if existing is not None:
                return _to_version(existing._mapping), False
            newest = connection.scalar(select(func.max(_v.version)).where(_is(dataset_versions, version)))
            added = replace(version, version=(newest or 0) + 1)
            connection.execute(insert(dataset_versions).values(_to_row(added)))
            self._admit(connection, added.workspace, added.bytes)
        return added, True

    def find_version(self, name: str, workspace: str, version: int | None = None) -> Version | None:
        query = select(dataset_versions).where(_v.name == name, _v.workspace == workspace)
        query = (
            query.order_by(_v.version.desc()).limit(1)
            if version is None
            else query.where(_v.version == version)
        )
        return self._one(query)

    def find_digest(self, name: str, workspace: str, digest: str) -> Version | None:
        same = and_(_v.name == name, _v.workspace == workspace, _v.digest == digest)
        return self._one(select(dataset_versions).where(same))

    def versions(
        self, name: str, workspace: str, before: int | None = None, limit: int = 100
    ) -> Sequence[Version]:
        query = select(dataset_versions).where(_v.name == name, _v.workspace == workspace)
        if before is not None:
            query = query.where(_v.version < before)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_v.version.desc()).limit(limit))
            return [_to_version(row._mapping) for row in rows]

    def delete(self, name: str, workspace: str) -> Sequence[str]:
        same = and_(_v.name == name, _v.workspace == workspace)
        with self._database.begin() as connection:
            digests = set(connection.scalars(select(_v.digest).where(same)))
            connection.execute(delete(dataset_versions).where(same))
            connection.execute(delete(datasets).where(_d.name == name, _d.workspace == workspace))
            used = set(connection.scalars(select(_v.digest).where(_v.digest.in_(digests))))
        return sorted(digests - used)

    def is_used(self, digest: str) -> bool:
        with self._database.read() as connection:
            return connection.scalar(select(_v.digest).where(_v.digest == digest).limit(1)) is not None

    def _insert_dataset(self, connection: Connection, dataset: Dataset) -> bool:
        dialect: Any = sqlite if self._database.is_sqlite else postgresql
        statement = dialect.insert(datasets).values(
            name=dataset.name,
            workspace=dataset.workspace,
            description=dataset.description,
            created_at=dataset.created_at,
        )
        return connection.scalar(statement.on_conflict_do_nothing().returning(_d.name)) is not None

    def _one(self, query: Any) -> Version | None:
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _to_version(row._mapping)


def _select_datasets() -> Any:
    same = and_(_v.name == _d.name, _v.workspace == _d.workspace)
    latest = select(func.max(_v.version)).where(same).scalar_subquery().label("latest_version")
    return select(_d.name, _d.workspace, _d.description, _d.created_at, latest)


def _is(table: Any, version: Version) -> ColumnElement[bool]:
    return and_(table.c.name == version.name, table.c.workspace == version.workspace)


def _to_row(version: Version) -> dict[str, Any]:
    return {**vars(version), "columns": [column.to_dict() for column in version.columns]}


def _to_version(row: Any) -> Version:
    return Version(**{**row, "columns": tuple(Column(**column) for column in row["columns"])})
