"""Secrets in the SQL database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import sealing_keys, secrets
from tensorfleet.secrets.model import Secret, context_of
from tensorfleet.secrets.ports import SealedRow

_SHOWN = [column for column in secrets.c if column.name != "sealed"]


class SqlSecretStore:
    """`SecretStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, secret: Secret, sealed: str) -> bool:
        row = {**vars(secret), "sealed": sealed}
        if secret.version == 1:
            return self._add(row)
        former = _named(secret.workspace, secret.name) & (secrets.c.version == secret.version - 1)
        return self._execute(update(secrets).where(former).values(**row)) > 0

    def find(self, workspace: str, name: str) -> Secret | None:
        with self._database.read() as connection:
            row = connection.execute(select(*_SHOWN).where(_named(workspace, name))).one_or_none()
        return Secret(**row._mapping) if row else None

    def list(self, workspace: str) -> Sequence[Secret]:
        query = select(*_SHOWN).where(secrets.c.workspace == workspace).order_by(secrets.c.name)
        with self._database.read() as connection:
            return [Secret(**row._mapping) for row in connection.execute(query)]

    def delete(self, workspace: str, name: str) -> bool:
        return self._execute(delete(secrets).where(_named(workspace, name))) > 0

    def sealed_otherwise(self, key: str, after: str, limit: int) -> Sequence[SealedRow]:
        query = (
            select(secrets)
            .where(secrets.c.key != key, _behind(after))
            .order_by(secrets.c.workspace, secrets.c.name)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_sealed(row) for row in connection.execute(query)]

    def reseal(self, row: SealedRow, sealed: str, key: str) -> bool:
        workspace, _, name = row.ref.partition("/")
        same = _named(workspace, name) & (secrets.c.sealed == row.sealed)
        return self._execute(update(secrets).where(same).values(sealed=sealed, key=key)) > 0

    def current_key(self) -> str | None:
        newest = (
            select(sealing_keys.c.id).order_by(sealing_keys.c.noted_at.desc(), sealing_keys.c.id).limit(1)
        )
        with self._database.read() as connection:
            return connection.scalar(newest)

    def note_key(self, key: str, now: datetime) -> None:
        if not self._execute(update(sealing_keys).where(sealing_keys.c.id == key).values(noted_at=now)):
            with suppress(IntegrityError):  # another process with the same key was quicker
                self._execute(insert(sealing_keys).values(id=key, noted_at=now))

    def _add(self, row: dict[str, Any]) -> bool:
        try:
            self._execute(insert(secrets).values(**row))
        except IntegrityError:
            return False
        return True

    def _execute(self, statement: Any) -> int:
        with self._database.begin() as connection:
            return int(connection.execute(statement).rowcount)


def take_sealed(
    connection: Connection, workspace: str, names: Sequence[str], now: datetime
) -> dict[str, SealedRow]:
    """Those of the named secrets that there are, noted as used, within the caller's transaction."""
    mine = (secrets.c.workspace == workspace) & secrets.c.name.in_(names)
    found = {row.name: _sealed(row) for row in connection.execute(select(secrets).where(mine))}
    if found:
        connection.execute(update(secrets).where(mine).values(last_used_at=now))
    return found


def sealed_before(
    connection: Connection, workspace: str, names: Sequence[str], moment: datetime
) -> list[SealedRow]:
    """Those of the named secrets that have not changed since a moment."""
    mine = (secrets.c.workspace == workspace) & secrets.c.name.in_(names) & (secrets.c.updated_at <= moment)
    return [_sealed(row) for row in connection.execute(select(secrets).where(mine))]


def _named(workspace: str, name: str) -> ColumnElement[bool]:
    return and_(secrets.c.workspace == workspace, secrets.c.name == name)


def _behind(ref: str) -> ColumnElement[bool]:
    workspace, _, name = ref.partition("/")
    return or_(secrets.c.workspace > workspace, and_(secrets.c.workspace == workspace, secrets.c.name > name))


def _sealed(row: Row[Any]) -> SealedRow:
    ref = f"{row.workspace}/{row.name}"  # neither has a slash
    return SealedRow(ref, context_of(row.workspace, row.name, row.version), row.sealed)
