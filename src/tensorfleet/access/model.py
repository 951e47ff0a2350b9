"""People and programs, what they may do, and where.  Pure.

A permission is a verb on a noun.  A role is a set of them, held in a workspace or everywhere; a key may narrow it further.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

DEFAULT_WORKSPACE = "default"
ROOT_ID = "root"
PERSON, PROVIDER = "person", "provider"
"""Who gives roles; what a provider gave it takes back."""


class Permission(StrEnum):
    """What can be asked of a caller; the words are also the scopes of keys."""

    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    DATASETS_READ = "datasets:read"
    DATASETS_WRITE = "datasets:write"
    MODELS_READ = "models:read"
    MODELS_WRITE = "models:write"
    SECRETS_READ = "secrets:read"
    SECRETS_WRITE = "secrets:write"
    LEDGER_READ = "ledger:read"
    FLEET_READ = "fleet:read"
    FLEET_STEER = "fleet:steer"
    AUDIT_READ = "audit:read"
    WORKSPACE_ADMIN = "workspace:admin"
    PLATFORM_ADMIN = "platform:admin"


class Role(StrEnum):
    """Each one's permissions are in `PERMISSIONS`."""

    VIEWER = "viewer"
    SERVICE = "service"
    USER = "user"
    ADMIN = "admin"


_READS = frozenset(
    {Permission.JOBS_READ, Permission.DATASETS_READ, Permission.MODELS_READ, Permission.FLEET_READ}
)
_WRITES = frozenset({Permission.JOBS_WRITE, Permission.DATASETS_WRITE, Permission.MODELS_WRITE})
_SECRETS = frozenset({Permission.SECRETS_READ, Permission.SECRETS_WRITE})
_GLOBAL = frozenset({Permission.FLEET_STEER, Permission.PLATFORM_ADMIN})
"""These mean the platform as a whole: a role in one workspace does not bring them."""
PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _READS | {Permission.LEDGER_READ},
    Role.SERVICE: _READS | _WRITES | {Permission.SECRETS_READ},
    Role.USER: _READS | _WRITES | _SECRETS | {Permission.LEDGER_READ},
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True)
class Principal:
    """Who calls, and what this one may do.

    Attributes:
        id: of the user, or `root` for whoever has the home's own token.
        everywhere: permissions in each workspace and for the platform.
        within: further ones, by workspace.
        via: how it was proved: `token`, `session` or `key`.
        credential: the session's or the key's id; what was proved with it ends with it.
    """

    id: str
    name: str
    everywhere: frozenset[Permission] = frozenset()
    within: Mapping[str, frozenset[Permission]] = field(default_factory=dict)
    via: str = "token"
    credential: str | None = None

    def may(self, permission: Permission, workspace: str | None = None) -> bool:
        """Whether it may do this in the workspace; None asks for the platform as a whole."""
        if permission in self.everywhere:
            return True
        return workspace is not None and permission in self.within.get(workspace, ())

    def may_somewhere(self, permission: Permission) -> bool:
        return permission in self.everywhere or any(permission in held for held in self.within.values())

    def workspaces(self, permission: Permission) -> tuple[str, ...] | None:
        """The workspaces in which it may do this, sorted; None if in all of them, those still to come too."""
        if permission in self.everywhere:
            return None
        return tuple(sorted(name for name, held in self.within.items() if permission in held))

    def knows(self, workspace: str) -> bool:
        """Whether it may know that the workspace exists."""
        return bool(self.everywhere or self.within.get(workspace))

    def narrowed(self, scopes: Iterable[Permission], workspace: str | None, **changes: str) -> Principal:
        """The same caller with a key: what both allow, in one workspace if the key is bound to it."""
        kept = frozenset(scopes)
        if workspace is None:
            everywhere = self.everywhere & kept
            within = {name: held & kept for name, held in self.within.items()}
        else:
            held = (self.everywhere | self.within.get(workspace, frozenset())) - _GLOBAL
            everywhere, within = frozenset(), {workspace: held & kept}
        return Principal(self.id, self.name, everywhere, {w: p for w, p in within.items() if p}, **changes)


def principal_of(
    user: User, memberships: Mapping[str, Role], *, via: str = "session", credential: str | None = None
) -> Principal:
    """What a user's roles come to."""
    everywhere = PERMISSIONS[user.role] if user.role is not None else frozenset()
    within = {workspace: PERMISSIONS[role] - _GLOBAL for workspace, role in memberships.items()}
    return Principal(user.id, user.name, everywhere, within, via, credential)


ROOT = Principal(ROOT_ID, ROOT_ID, frozenset(Permission))
"""Whoever can read the home's token owns the platform anyway."""


SCRAPER = Principal("metrics", "metrics", frozenset({Permission.FLEET_READ}), via="scrape")
"""Whoever reads metrics with a token for that alone."""


@dataclass(frozen=True)
class User:
    """A person, or a program with an account of its own (`is_service`), which cannot sign in by password."""

    id: str
    name: str
    created_at: datetime
    email: str | None = None
    role: Role | None = None  # held everywhere; None: only in workspaces
    is_service: bool = False
    password_hash: str | None = None
    totp_secret: str | None = None
    disabled_at: datetime | None = None
    last_login_at: datetime | None = None
    role_given_by: str | None = None  # PERSON or PROVIDER
    personal: str | None = None  # sealed, as it is stored


@dataclass(frozen=True)
class Identity:
    """Whom an OpenID provider means: a name or an address may change hands, this never does."""

    issuer: str
    subject: str


@dataclass(frozen=True)
class Workspace:
    name: str
    created_at: datetime
    description: str | None = None


@dataclass(frozen=True)
class ApiKey:
    """A key is shown once; kept is what it hashes to."""

    id: str
    user_id: str
    name: str
    digest: str
    scopes: tuple[Permission, ...]
    created_at: datetime
    workspace: str | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def valid_at(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True)
class Session:
    """One sign-in, over all of its refresh tokens: `serial` is of the one that is valid, and an older one was used before."""

    id: str
    user_id: str
    serial: int
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_why: str | None = None
    client: str | None = None  # address and program that signed in, for people to recognise it
    ends_at: datetime | None = None  # however often it is refreshed
    personal: str | None = None  # sealed, as it is stored
    key_id: str | None = None  # begun with this key: it may what the key may, for as long

    def valid_at(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True)
class SignInCode:
    """What a browser hands to a program, or a program to a browser, for a session, once; kept is what it hashes to.

    With neither session nor key it was given to whoever has the home's token.
    """

    digest: str
    session_id: str | None
    challenge: str
    redirect_uri: str
    expires_at: datetime
    key_id: str | None = None
