"""Users, workspaces, keys and sessions in the SQL database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from tensorfleet.access.model import (
    PROVIDER,
    ROOT_ID,
    ApiKey,
    Identity,
    Permission,
    Role,
    Session,
    SignInCode,
    User,
    Workspace,
)
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import (
    api_keys,
    datasets,
    identities,
    jobs,
    memberships,
    model_versions,
    secrets,
    sessions,
    sign_in_codes,
    users,
    webhooks,
    workspace_quotas,
    workspaces,
)
from tensorfleet.errors import Conflict

_SOMEBODY = users.c.id != ROOT_ID
"""Not the row that sessions of the home's own token hang on: nobody may find, change or list it."""


class SqlAccessStore:
    """`AccessStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_user(self, user: User) -> bool:
        return self._add(users, _user_row(user))

    def find_user(self, user_id: str) -> User | None:
        return self._user(users.c.id == user_id)

    def find_user_by_name(self, name: str) -> User | None:
        return self._user((users.c.name == name) & _SOMEBODY)

    def users(self, limit: int, after: str = "") -> Sequence[User]:
        query = select(users).where((users.c.name > after) & _SOMEBODY).order_by(users.c.name).limit(limit)
        with self._database.read() as connection:
            return [_user(row) for row in connection.execute(query)]

    def change_user(self, user_id: str, values: Mapping[str, Any]) -> bool:
        changed = {"id": user_id, **values}  # an UPDATE sets something, also where nothing was to change
        return self._execute(update(users).where(users.c.id == user_id).values(**changed)) > 0

    def take_step(self, user_id: str, step: int) -> bool:
        unused = or_(users.c.totp_step.is_(None), users.c.totp_step < step)
        return self._execute(update(users).where(users.c.id == user_id, unused).values(totp_step=step)) > 0

    def delete_user(self, user_id: str) -> bool:
        return self._execute(delete(users).where(users.c.id == user_id)) > 0

    def find_user_of(self, identity: Identity) -> User | None:
        mine = (identities.c.issuer == identity.issuer) & (identities.c.subject == identity.subject)
        return self._user(users.c.id == select(identities.c.user_id).where(mine).scalar_subquery())

    def add_identity(self, identity: Identity, user_id: str, now: datetime) -> bool:
        return self._add(identities, {**vars(identity), "user_id": user_id, "created_at": now})

    def add_user_of(self, identity: Identity, user: User) -> bool:
        row = {**vars(identity), "user_id": user.id, "created_at": user.created_at}
        try:
            with self._database.begin() as connection:
                connection.execute(insert(users).values(**_user_row(user)))
                connection.execute(insert(identities).values(**row))
        except IntegrityError:
            return False
        return True

    def add_workspace(self, workspace: Workspace) -> bool:
        return self._add(workspaces, vars(workspace))

    def workspaces(
        self, limit: int, after: str = "", names: Sequence[str] | None = None
    ) -> Sequence[Workspace]:
        query = select(workspaces).where(workspaces.c.name > after).order_by(workspaces.c.name).limit(limit)
        if names is not None:
            query = query.where(workspaces.c.name.in_(names))
        with self._database.read() as connection:
            return [Workspace(**row._mapping) for row in connection.execute(query)]

    def find_workspace(self, name: str) -> Workspace | None:
        with self._database.read() as connection:
            row = connection.execute(select(workspaces).where(workspaces.c.name == name)).one_or_none()
        return Workspace(**row._mapping) if row else None

    def delete_workspace(self, name: str) -> bool:
        with self._database.begin() as connection:
            for table, what in (
                (jobs, "jobs"),
                (datasets, "datasets"),
                (model_versions, "models"),
                (secrets, "secrets"),
                (webhooks, "webhooks"),
            ):
                if connection.scalar(select(exists().where(table.c.workspace == name))):
                    raise Conflict(f"workspace '{name}' still has {what}; delete them first")
            connection.execute(delete(workspace_quotas).where(workspace_quotas.c.workspace == name))
            return connection.execute(delete(workspaces).where(workspaces.c.name == name)).rowcount > 0

    def memberships(self, user_id: str) -> dict[str, Role]:
        query = select(memberships.c.workspace, memberships.c.role).where(memberships.c.user_id == user_id)
        with self._database.read() as connection:
            return {row.workspace: Role(row.role) for row in connection.execute(query)}

    def members(self, workspace: str) -> Sequence[tuple[User, Role, str]]:
        query = (
            select(users, memberships.c.role.label("role_here"), memberships.c.given_by)
            .join(memberships, memberships.c.user_id == users.c.id)
            .where(memberships.c.workspace == workspace)
            .order_by(users.c.name)
        )
        with self._database.read() as connection:
            return [(_user(row), Role(row.role_here), row.given_by) for row in connection.execute(query)]

    def set_member(self, workspace: str, user_id: str, role: Role | None, given_by: str) -> bool:
        mine = (memberships.c.workspace == workspace) & (memberships.c.user_id == user_id)
        with self._database.begin() as connection:
            had = connection.execute(delete(memberships).where(mine)).rowcount > 0
            if role is not None:
                row = {"workspace": workspace, "user_id": user_id, "role": role.value, "given_by": given_by}
                connection.execute(insert(memberships).values(**row))
        return had or role is not None

    def set_provided(self, user_id: str, role: Role | None, held: Mapping[str, Role], now: datetime) -> None:
        mine = memberships.c.user_id == user_id
        theirs = or_(users.c.role.is_(None), users.c.role_given_by == PROVIDER)
        given = (
            {"role": role.value, "role_given_by": PROVIDER} if role else {"role": None, "role_given_by": None}
        )
        with self._database.begin() as connection:
            connection.execute(update(users).where(users.c.id == user_id, theirs).values(**given))
            connection.execute(delete(memberships).where(mine, memberships.c.given_by == PROVIDER))
            kept = set(connection.execute(select(memberships.c.workspace).where(mine)).scalars())
            known = set(
                connection.execute(select(workspaces.c.name).where(workspaces.c.name.in_(held))).scalars()
            )
            for name in sorted(held.keys() - known):
                connection.execute(insert(workspaces).values(name=name, created_at=now))
            rows = [
                {"workspace": workspace, "user_id": user_id, "role": given.value, "given_by": PROVIDER}
                for workspace, given in held.items()
                if workspace not in kept
            ]
            if rows:
                connection.execute(insert(memberships), rows)

    def add_key(self, key: ApiKey) -> None:
        self._execute(
            insert(api_keys).values(**{**vars(key), "scopes": [scope.value for scope in key.scopes]})
        )

    def find_key(self, key_id: str) -> ApiKey | None:
        with self._database.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
        return _key(row) if row else None

    def keys(self, user_id: str | None, workspace: str | None = None) -> Sequence[ApiKey]:
        query = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id)
        if user_id is not None:
            query = query.where(api_keys.c.user_id == user_id)
        if workspace is not None:
            query = query.where(api_keys.c.workspace == workspace)
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(query)]

    def change_key(self, key_id: str, values: Mapping[str, Any]) -> None:
        self._execute(update(api_keys).where(api_keys.c.id == key_id).values(**values))

    def add_session(self, session: Session) -> None:
        self._execute(insert(sessions).values(**vars(session)))

    def find_session(self, session_id: str) -> Session | None:
        with self._database.read() as connection:
            row = connection.execute(select(sessions).where(sessions.c.id == session_id)).one_or_none()
        return Session(**row._mapping) if row else None

    def sessions(self, user_id: str) -> Sequence[Session]:
        query = select(sessions).where(sessions.c.user_id == user_id).order_by(sessions.c.created_at.desc())
        with self._database.read() as connection:
            return [Session(**row._mapping) for row in connection.execute(query)]

    def advance(self, session_id: str, serial: int, now: datetime, expires_at: datetime) -> bool:
        valid = (
            (sessions.c.id == session_id) & (sessions.c.serial == serial) & sessions.c.revoked_at.is_(None)
        )
        values = {"serial": serial + 1, "refreshed_at": now, "expires_at": expires_at}
        return self._execute(update(sessions).where(valid).values(**values)) > 0

    def end_sessions(
        self, now: datetime, why: str, *, session_id: str | None = None, user_id: str | None = None
    ) -> int:
        query = update(sessions).where(sessions.c.revoked_at.is_(None))
        if session_id is not None:
            query = query.where(sessions.c.id == session_id)
        if user_id is not None:
            query = query.where(sessions.c.user_id == user_id)
        return self._execute(query.values(revoked_at=now, revoked_why=why))

    def forget_sessions(self, before: datetime) -> int:
        return self._execute(delete(sessions).where(sessions.c.expires_at < before))

    def add_code(self, code: SignInCode, now: datetime) -> None:
        with self._database.begin() as connection:
            connection.execute(delete(sign_in_codes).where(sign_in_codes.c.expires_at < now))
            connection.execute(insert(sign_in_codes).values(**vars(code)))

    def take_code(self, digest: str) -> SignInCode | None:
        query = delete(sign_in_codes).where(sign_in_codes.c.digest == digest).returning(sign_in_codes)
        with self._database.begin() as connection:
            row = connection.execute(query).one_or_none()
        return SignInCode(**row._mapping) if row else None

    def _add(self, table: Any, row: Mapping[str, Any]) -> bool:
        try:
            self._execute(insert(table).values(**row))
        except IntegrityError:
            return False
        return True

    def _execute(self, statement: Any) -> int:
        with self._database.begin() as connection:
            return int(connection.execute(statement).rowcount)

    def _user(self, condition: Any) -> User | None:
        with self._database.read() as connection:
            row = connection.execute(select(users).where(condition)).one_or_none()
        return _user(row) if row else None


def _user_row(user: User) -> dict[str, Any]:
    return {**vars(user), "role": user.role.value if user.role else None}


def _user(row: Row[Any]) -> User:
    found = {column.name: row._mapping[column.name] for column in users.columns if column.name != "totp_step"}
    return User(**{**found, "role": Role(row.role) if row.role else None})


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(**{**row._mapping, "scopes": tuple(Permission(scope) for scope in row.scopes)})
