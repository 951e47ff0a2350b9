"""What access needs from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from tensorfleet.access.model import ApiKey, Identity, Role, Session, SignInCode, User, Workspace


class People(Protocol):
    """What makes unreadable all that is kept of somebody."""

    def former(self, name: str) -> str | None:
        """Whose account of that name is gone."""
        ...

    def erase(self, person: str, name: str | None) -> bool: ...


class AccessStore(Protocol):
    """Users, workspaces, memberships, keys and sessions.  Thread-safe; every method is one transaction."""

    def add_user(self, user: User) -> bool:
        """False, and nothing changes, when the name is taken."""
        ...

    def find_user(self, user_id: str) -> User | None: ...

    def find_user_by_name(self, name: str) -> User | None: ...

    def users(self, limit: int, after: str = "") -> Sequence[User]:
        """By name, those after the one called `after`."""
        ...

    def change_user(self, user_id: str, values: Mapping[str, Any]) -> bool:
        """Sets columns; False when there is no such user."""
        ...

    def take_step(self, user_id: str, step: int) -> bool:
        """Uses up a one-time code's step; False when it or a later one was used before."""
        ...

    def delete_user(self, user_id: str) -> bool:
        """With memberships, keys and sessions."""
        ...

    def find_user_of(self, identity: Identity) -> User | None:
        """Whom a provider means."""
        ...

    def add_identity(self, identity: Identity, user_id: str, now: datetime) -> bool:
        """False, and nothing changes, when it stands for somebody already."""
        ...

    def add_user_of(self, identity: Identity, user: User) -> bool:
        """Both, or neither: False when the name is taken, or the identity stands for somebody already."""
        ...

    def add_workspace(self, workspace: Workspace) -> bool:
        """False, and nothing changes, when there is one of that name."""
        ...

    def workspaces(
        self, limit: int, after: str = "", names: Sequence[str] | None = None
    ) -> Sequence[Workspace]:
        """By name; only those in `names` if given."""
        ...

    def find_workspace(self, name: str) -> Workspace | None: ...

    def delete_workspace(self, name: str) -> bool:
        """With its memberships.

        Raises:
            Conflict: jobs, datasets or models are in it.
        """
        ...

    def memberships(self, user_id: str) -> dict[str, Role]:
        """A user's roles, by workspace."""
        ...

    def members(self, workspace: str) -> Sequence[tuple[User, Role, str]]:
        """Who has which role there, and who gave it: `person` or `provider`."""
        ...

    def set_member(self, workspace: str, user_id: str, role: Role | None, given_by: str) -> bool:
        """Gives a role, or takes it away (None); False when there was none to take."""
        ...

    def set_provided(self, user_id: str, role: Role | None, held: Mapping[str, Role], now: datetime) -> None:
        """Replaces the roles that a provider gave; those that people gave stay, and workspaces are made as needed."""
        ...

    def add_key(self, key: ApiKey) -> None: ...

    def find_key(self, key_id: str) -> ApiKey | None: ...

    def keys(self, user_id: str | None, workspace: str | None = None) -> Sequence[ApiKey]:
        """A user's keys (None: everybody's), the newest first."""
        ...

    def change_key(self, key_id: str, values: Mapping[str, Any]) -> None: ...

    def add_session(self, session: Session) -> None: ...

    def find_session(self, session_id: str) -> Session | None: ...

    def sessions(self, user_id: str) -> Sequence[Session]: ...

    def advance(self, session_id: str, serial: int, now: datetime, expires_at: datetime) -> bool:
        """Goes from refresh token `serial` to the next; False when it was not the valid one any more."""
        ...

    def end_sessions(
        self, now: datetime, why: str, *, session_id: str | None = None, user_id: str | None = None
    ) -> int:
        """Revokes one, or all of a user; how many were in force."""
        ...

    def forget_sessions(self, before: datetime) -> int:
        """Removes those that ended before that time."""
        ...

    def add_code(self, code: SignInCode, now: datetime) -> None:
        """Keeps it; those that ended before `now` are forgotten."""
        ...

    def take_code(self, digest: str) -> SignInCode | None:
        """Once: whoever comes second finds none."""
        ...
