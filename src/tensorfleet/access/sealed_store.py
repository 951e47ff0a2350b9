"""The accounts' store with what is personal sealed: addresses, and where somebody signed in from.

An account's name stays as it is while there is the account: it is what people sign in with and call each other by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import delete

from tensorfleet.access.model import Identity, Role, Session, User
from tensorfleet.access.store import SqlAccessStore
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import users
from tensorfleet.personal.fields import PersonalFields


class SealedAccessStore(SqlAccessStore):
    """`AccessStore`; what was stored before there was sealing is read as it is, and sealed when it is next written."""

    def __init__(self, database: Database, fields: PersonalFields) -> None:
        super().__init__(database)
        self._fields = fields

    def add_user(self, user: User) -> bool:
        return super().add_user(self._hidden(user))

    def add_user_of(self, identity: Identity, user: User) -> bool:
        return super().add_user_of(identity, self._hidden(user))

    def find_user(self, user_id: str) -> User | None:
        return self._revealed(super().find_user(user_id))

    def find_user_by_name(self, name: str) -> User | None:
        return self._revealed(super().find_user_by_name(name))

    def find_user_of(self, identity: Identity) -> User | None:
        return self._revealed(super().find_user_of(identity))

    def users(self, limit: int, after: str = "") -> Sequence[User]:
        return self._all_revealed(super().users(limit, after))

    def members(self, workspace: str) -> Sequence[tuple[User, Role, str]]:
        found = super().members(workspace)
        people = self._all_revealed([user for user, _, _ in found])
        return [(user, role, by) for user, (_, role, by) in zip(people, found, strict=True)]

    def change_user(self, user_id: str, values: Mapping[str, Any]) -> bool:
        if "email" in values:
            sealed = self._sealed_email(user_id, values["email"])
            values = {**values, "email": None, "personal": sealed}
        return super().change_user(user_id, values)

    def delete_user(self, user_id: str) -> bool:
        user = super().find_user(user_id)
        if user is not None:
            self._fields.remember_name(user.id, user.name)
        with self._database.begin() as connection:
            self._database.overwrite(connection)
            return connection.execute(delete(users).where(users.c.id == user_id)).rowcount > 0

    def add_session(self, session: Session) -> None:
        texts = {"client": session.client} if session.client is not None else {}
        sealed = self._fields.hide(session.user_id, f"session/{session.id}", texts)
        super().add_session(replace(session, client=None, personal=sealed))

    def sessions(self, user_id: str) -> Sequence[Session]:
        return [self._session(session) for session in super().sessions(user_id)]

    def _session(self, session: Session) -> Session:
        if session.personal is None:
            return session
        texts = self._fields.reveal(session.user_id, f"session/{session.id}", session.personal)
        return replace(session, client=texts.get("client"), personal=None)

    def _hidden(self, user: User) -> User:
        return replace(user, email=None, personal=self._sealed_email(user.id, user.email))

    def _sealed_email(self, user_id: str, email: str | None) -> str | None:
        return self._fields.hide(user_id, f"user/{user_id}", {"email": email}) if email is not None else None

    def _revealed(self, user: User | None) -> User | None:
        if user is None or user.personal is None:
            return user
        texts = self._fields.reveal(user.id, f"user/{user.id}", user.personal)
        return replace(user, email=texts.get("email"), personal=None)

    def _all_revealed(self, people: Sequence[User]) -> list[User]:
        self._fields.load(user.id for user in people if user.personal is not None)
        return [found for user in people if (found := self._revealed(user)) is not None]
