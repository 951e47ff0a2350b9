"""Use cases of users, workspaces and keys.  Who may call them is checked here: the rules depend on whose they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tensorfleet.access import passwords
from tensorfleet.access.current import require, the_caller
from tensorfleet.access.model import (
    DEFAULT_WORKSPACE,
    PERSON,
    ROOT_ID,
    ApiKey,
    Identity,
    Permission,
    Principal,
    Role,
    Session,
    User,
    Workspace,
)
from tensorfleet.access.ports import AccessStore, People
from tensorfleet.access.tokens import derive, new_key
from tensorfleet.audit.current import note
from tensorfleet.errors import Conflict, InvalidInput, NotFound, NotPermitted
from tensorfleet.kit.clock import Clock
from tensorfleet.kit.ids import new_id

_USER_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")
_WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}")
MOST_KEYS = 200
LONGEST_KEY = timedelta(days=3660)


class AccessService:
    """Manages who may do what."""

    def __init__(
        self,
        store: AccessStore,
        home_token: str,
        clock: Clock,
        changed: Callable[[], None] = lambda: None,
        people: People | None = None,
    ) -> None:
        """`changed` is called after rights have changed, so that nothing remembered outlives them; `people` forgets them."""
        self._people = people
        self._store = store
        self._sealing = derive(home_token, b"sealed fields")
        self._clock = clock
        self._changed = changed

    # ---- users

    def create_user(
        self,
        name: str,
        password: str | None = None,
        *,
        role: Role | None = None,
        email: str | None = None,
        is_service: bool = False,
    ) -> User:
        """Raises:
        Conflict: the name is taken.
        InvalidInput: name or password will not do.
        """
        require(Permission.PLATFORM_ADMIN)
        name = name.strip().lower()
        if not _USER_NAME.fullmatch(name) or name == ROOT_ID:
            raise InvalidInput(
                f"'{name[:60]}' is not a user's name; use up to 100 of a-z, 0-9 and . _ @ + -, and begin with a letter or digit"
            )
        if is_service and password:
            raise InvalidInput("a service account has no password; it signs in with keys")
        hashed = passwords.hash_password(password, name) if password else None
        given_by = PERSON if role else None
        user = User(new_id("u"), name, self._clock(), email, role, is_service, hashed, role_given_by=given_by)
        if not self._store.add_user(user):
            raise Conflict(f"there is a user '{name}' already")
        note(target=("user", name), after={"role": role, "service": is_service})
        return user

    def users(self, limit: int, after: str) -> Sequence[User]:
        require(Permission.PLATFORM_ADMIN)
        return self._store.users(limit, after)

    def user(self, name: str) -> User:
        """Somebody by name; everybody may read about oneself."""
        if the_caller().name != name:
            require(Permission.PLATFORM_ADMIN)
        return self._named(name)

    def change_user(self, name: str, changes: Mapping[str, Any]) -> User:
        """Sets `role`, `email`, `disabled` or `password`; a new password or a closed account ends the sessions."""
        require(Permission.PLATFORM_ADMIN)
        user, now = self._named(name), self._clock()
        values: dict[str, Any] = {key: changes[key] for key in ("role", "email") if key in changes}
        if "role" in changes:
            values["role_given_by"] = PERSON if changes["role"] else None
        if "disabled" in changes:
            values["disabled_at"] = now if changes["disabled"] else None
        if changes.get("password"):
            self._refuse_password_of_service(user)
            values["password_hash"] = passwords.hash_password(changes["password"], user.name)
        if changes.get("reset_code"):
            values["totp_secret"] = None
        self._store.change_user(user.id, values)
        note(
            before=_shown(user), after=_shown(self._named(name)) | {"password": bool(changes.get("password"))}
        )
        if changes.get("disabled") or changes.get("password"):
            self._store.end_sessions(now, "changed by an administrator", user_id=user.id)
        self._changed()
        return self._named(name)

    def delete_user(self, name: str) -> None:
        require(Permission.PLATFORM_ADMIN)
        user = self._named(name)
        note(before=_shown(user) | {"workspaces": self._store.memberships(user.id)})
        self._store.delete_user(user.id)
        self._changed()

    def erase_user(self, name: str) -> str:
        """Deletes an account, if it is still there, and makes unreadable what is kept of its person; returns the id, which
        stays in its place.

        Raises:
            NotFound: there is not, and was not, anybody of that name or id.
        """
        require(Permission.PLATFORM_ADMIN)
        assert self._people is not None
        note(target=("user", "-"))  # the log must not say once more who it was
        wanted = name.strip().lower()
        user = self._store.find_user_by_name(wanted) or self._store.find_user(wanted)
        person = user.id if user is not None else self._people.former(wanted)
        if person is None:
            raise NotFound("there is nobody of that name or id, and nobody who was not erased before")
        note(target=("user", person))
        if user is not None:
            self._store.delete_user(user.id)
        self._people.erase(person, user.name if user is not None else wanted)
        self._changed()
        return person

    def link_user(self, name: str, identity: Identity) -> None:
        """Lets somebody into an account whom a provider calls so.

        Raises:
            Conflict: this one has an account already.
        """
        require(Permission.PLATFORM_ADMIN)
        user = self._named(name)
        if user.is_service:
            raise InvalidInput("a service account signs in with keys")
        note(target=("user", user.name), after={"identity": vars(identity)})
        if not self._store.add_identity(identity, user.id, self._clock()):
            found = self._store.find_user_of(identity)
            raise Conflict(
                f"'{identity.subject[:100]}' has an account already: '{found.name if found else name}'"
            )

    # ---- oneself

    def change_own_password(self, old: str, new: str) -> None:
        user = self._myself()
        self._refuse_password_of_service(user)
        if not passwords.verify_password(user.password_hash, old):
            raise NotPermitted("the old password is wrong")
        self._store.change_user(user.id, {"password_hash": passwords.hash_password(new, user.name)})
        for session in self._store.sessions(user.id):
            if session.id != the_caller().credential:
                self._store.end_sessions(self._clock(), "password changed", session_id=session.id)
        self._changed()

    def new_code_secret(self) -> tuple[str, str]:
        """A secret for an authenticator app, and its address; it counts once a code of it was shown."""
        return (secret := passwords.new_totp_secret()), passwords.totp_uri(secret, self._myself().name)

    def confirm_code_secret(self, secret: str, code: str) -> None:
        user = self._myself()
        if not re.fullmatch(r"[A-Z2-7]{32}", secret):
            raise InvalidInput("the secret is not one that was given out here")
        step = passwords.step_of_code(secret, code, self._clock())
        if step is None:
            raise InvalidInput("the code does not belong to this secret; is the clock of the device right?")
        self._store.change_user(user.id, {"totp_secret": passwords.seal(self._sealing, secret, user.id)})
        self._store.take_step(user.id, step)

    def sessions(self) -> Sequence[Session]:
        now = self._clock()
        return [session for session in self._store.sessions(the_caller().id) if session.valid_at(now)]

    def end_session(self, session_id: str) -> None:
        found = self._store.find_session(session_id)
        if found is None or found.user_id != the_caller().id:
            raise NotFound(f"you have no session '{session_id[:40]}'")
        self._store.end_sessions(self._clock(), "ended by its owner", session_id=session_id)
        self._changed()

    # ---- workspaces

    def create_workspace(self, name: str, description: str | None) -> Workspace:
        require(Permission.PLATFORM_ADMIN)
        check_workspace(name)
        workspace = Workspace(name, self._clock(), description)
        if not self._store.add_workspace(workspace):
            raise Conflict(f"there is a workspace '{name}' already")
        note(target=("workspace", name), workspace=name)
        return workspace

    def workspaces(self, limit: int, after: str) -> Sequence[Workspace]:
        who = the_caller()
        names = None if who.everywhere else sorted(who.within)
        return self._store.workspaces(limit, after, names)

    def delete_workspace(self, name: str) -> None:
        require(Permission.PLATFORM_ADMIN)
        if name == DEFAULT_WORKSPACE:
            raise Conflict(f"workspace '{name}' stays: it is where things go that name none")
        if not self._store.delete_workspace(name):
            raise NotFound(f"there is no workspace '{name[:100]}'")
        self._changed()

    def members(self, workspace: str) -> Sequence[tuple[User, Role, str]]:
        require(Permission.JOBS_READ, workspace)
        self._check_there(workspace)
        return self._store.members(workspace)

    def set_member(self, workspace: str, name: str, role: Role | None) -> None:
        """Gives somebody a role in a workspace, or takes it away."""
        require(Permission.WORKSPACE_ADMIN, workspace)
        self._check_there(workspace)
        user = self._store.find_user_by_name(name.strip().lower())
        if user is None:
            raise NotFound(f"there is no user '{name[:100]}'")
        before = self._store.memberships(user.id).get(workspace)
        note(target=("user", user.name), workspace=workspace, before={"role": before}, after={"role": role})
        if workspace == DEFAULT_WORKSPACE and role is not None:
            self._store.add_workspace(
                Workspace(workspace, self._clock())
            )  # unless it was said something of before
        if not self._store.set_member(workspace, user.id, role, PERSON):
            raise NotFound(f"'{name}' is not in workspace '{workspace}'")
        self._changed()

    def _check_there(self, workspace: str) -> None:
        """The default one is there from the beginning."""
        if workspace != DEFAULT_WORKSPACE and self._store.find_workspace(workspace) is None:
            raise NotFound(f"there is no workspace '{workspace[:100]}'; see `tensorfleet workspaces list`")

    # ---- keys

    def create_key(
        self,
        name: str,
        *,
        user: str | None = None,
        scopes: Sequence[Permission] = (),
        workspace: str | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        """A key, and its text, which nobody can see again.  Without scopes it may do what its user may.

        Raises:
            NotPermitted: it is for somebody else, and the caller is no administrator.
        """
        who, now = the_caller(), self._clock()
        owner = self._owner(who, user)
        if not scopes:
            scopes = tuple(Permission)
        if expires_at is not None and not now < expires_at <= now + LONGEST_KEY:
            raise InvalidInput("expires_at has to lie in the future, within ten years")
        if workspace is not None:
            check_workspace(workspace)
        if sum(key.valid_at(now) for key in self._store.keys(owner.id)) >= MOST_KEYS:
            raise Conflict(f"'{owner.name}' has {MOST_KEYS} keys; revoke some first")
        key_id = new_id("k")
        text, digest = new_key(key_id)
        key = ApiKey(key_id, owner.id, name, digest, tuple(scopes), now, workspace, expires_at)
        self._store.add_key(key)
        note(target=("key", key_id), workspace=workspace, after={"user": owner.id, "scopes": sorted(scopes)})
        return key, text

    def keys_of(self, user: str | None = None) -> Sequence[ApiKey]:
        return self._store.keys(self._owner(the_caller(), user).id)

    def revoke_key(self, key_id: str) -> ApiKey:
        key, who = self._store.find_key(key_id), the_caller()
        if key is None or (key.user_id != who.id and not who.may(Permission.PLATFORM_ADMIN)):
            raise NotFound(f"there is no key '{key_id[:40]}'; see `tensorfleet keys list`")
        if key.revoked_at is None:
            self._store.change_key(key_id, {"revoked_at": self._clock()})
            self._changed()
        return self._store.find_key(key_id) or replace(key, revoked_at=self._clock())

    def name_of(self, user_id: str) -> str:
        user = self._store.find_user(user_id)
        return user.name if user else user_id

    def memberships(self, user_id: str) -> dict[str, Role]:
        return self._store.memberships(user_id)

    def _owner(self, who: Principal, name: str | None) -> User:
        """Whose keys are meant: a key that is narrower than its user must not make a wider one."""
        if name is None or name == who.name:
            if who.via == "key" and not who.may(Permission.PLATFORM_ADMIN):
                raise NotPermitted(
                    "keys are managed with a session, not with a key; `tensorfleet login` begins one"
                )
            return self._myself()
        require(Permission.PLATFORM_ADMIN)
        return self._named(name)

    def _named(self, name: str) -> User:
        found = self._store.find_user_by_name(name.strip().lower())
        if found is None:
            raise NotFound(f"there is no user '{name[:100]}'; see `tensorfleet users list`")
        return found

    def _myself(self) -> User:
        who = the_caller()
        user = self._store.find_user(who.id) if who.id != ROOT_ID else None
        if user is None:
            raise Conflict("the home's own token belongs to no user; name one, or sign in as one")
        return user

    @staticmethod
    def _refuse_password_of_service(user: User) -> None:
        if user.is_service:
            raise InvalidInput("a service account has no password; it signs in with keys")


def _shown(user: User) -> dict[str, Any]:
    """What the audit log says of an account."""
    return {
        "role": user.role,
        "email": user.email,
        "disabled": user.disabled_at is not None,
        "has_code": user.totp_secret is not None,
    }


def check_workspace(name: str) -> str:
    if not _WORKSPACE.fullmatch(name) or name != name.strip():
        raise InvalidInput(
            f"'{name[:60]}' is not a workspace's name; use up to 100 letters, digits, spaces and . _ -"
        )
    return name
