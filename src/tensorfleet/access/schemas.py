"""What goes over the wire about people, workspaces and keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr
from typing_extensions import TypedDict

from tensorfleet.access.model import PERSON, ApiKey, Permission, Principal, Role, Session, User, Workspace
from tensorfleet.access.tokens import Tokens
from tensorfleet.kit.answers import Instant
from tensorfleet.kit.clock import rfc3339

Text = Annotated[str, Field(max_length=1000)]
Secret = Annotated[SecretStr, Field(max_length=1000)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignInBody(Strict):
    username: Text
    password: Secret
    code: Annotated[str, Field(max_length=20)] | None = Field(
        default=None, description="of the second factor, where there is one"
    )


class BrowserSignInBody(Strict):
    """One of: a name with its password, a token, a ticket."""

    username: Text | None = None
    password: Secret | None = None
    code: Annotated[str, Field(max_length=20)] | None = Field(
        default=None, description="of the second factor, where there is one"
    )
    token: Annotated[SecretStr, Field(max_length=4096)] | None = Field(
        default=None, description="an API key, or the home's own token"
    )
    ticket: Secret | None = Field(default=None, description="what `POST /auth/ticket` gave to a program")


class RefreshBody(Strict):
    refresh_token: Secret


class PasswordBody(Strict):
    old: Secret
    new: Secret


class CodeBody(Strict):
    secret: Secret
    code: Annotated[str, Field(max_length=20)]


class NewUser(Strict):
    name: Text
    password: Secret | None = None
    role: Role | None = Field(default=None, description="held in every workspace")
    email: Annotated[str, Field(max_length=320)] | None = None
    service: bool = Field(default=False, description="a program: it has keys and no password")


class UserChange(Strict):
    """What is left out stays as it is."""

    role: Role | None = None
    email: Annotated[str, Field(max_length=320)] | None = None
    password: Secret | None = None
    disabled: bool = False
    reset_code: bool = Field(default=False, description="takes the second factor away, for who has lost it")

    def changes(self) -> dict[str, Any]:
        given = self.model_dump(exclude_unset=True)
        if self.password is not None:
            given["password"] = self.password.get_secret_value()
        return given


class NewWorkspace(Strict):
    name: Text
    description: Text | None = None


class Member(Strict):
    role: Role


class NewKey(Strict):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    user: Text | None = Field(default=None, description="whose key; the caller's own if left out")
    scopes: list[Permission] = Field(
        default_factory=list, max_length=50, description="all of the user's if empty"
    )
    workspace: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="the only one it is good for"
    )
    expires_at: AwareDatetime | None = None


class TokensRead(TypedDict):
    access_token: str
    refresh_token: Annotated[str, Field(description="good for one refresh")]
    expires_in: Annotated[int, Field(description="seconds that the access token is good for")]
    token_type: str


class CallerRead(TypedDict):
    user_id: str
    username: str
    via: Annotated[str, Field(description="token, session or key")]
    everywhere: list[Permission]
    workspaces: dict[str, list[Permission]]


GivenBy = Annotated[
    str,
    Field(description="person, or provider: taken anew from its groups at each sign-in, and shown for that"),
]


class UserRead(TypedDict):
    user_id: str
    name: str
    email: str | None
    role: Annotated[Role | None, Field(description="held in every workspace")]
    role_given_by: GivenBy | None
    service: bool
    has_password: bool
    has_code: Annotated[bool, Field(description="whether there is a second factor")]
    disabled: bool
    created_at: Instant
    last_login_at: Instant | None


class UserWithRoles(UserRead):
    workspaces: dict[str, Role]


class ErasedRead(TypedDict):
    user_id: Annotated[str, Field(description="what stands where the person did, as in the audit log")]


class WorkspaceRead(TypedDict):
    name: str
    description: str | None
    created_at: Instant


class MemberRead(TypedDict):
    user: str
    service: bool
    role: Role
    given_by: GivenBy


class KeyRead(TypedDict):
    key_id: str
    name: str
    user: str
    scopes: list[Permission]
    workspace: str | None
    valid: bool
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None
    revoked_at: Instant | None


class KeyCreated(KeyRead):
    key: Annotated[str, Field(description="the key itself; it is not shown again")]


class SessionRead(TypedDict):
    session_id: str
    client: Annotated[str | None, Field(description="address and program that signed in")]
    current: bool
    created_at: Instant
    refreshed_at: Instant
    expires_at: Instant


class CodeSecret(TypedDict):
    secret: str
    uri: Annotated[str, Field(description="for an authenticator app, usually as a QR code")]


def tokens_to_dict(tokens: Tokens) -> dict[str, Any]:
    return {**vars(tokens), "token_type": "Bearer"}


def principal_to_dict(who: Principal) -> dict[str, Any]:
    return {
        "user_id": who.id,
        "username": who.name,
        "via": who.via,
        "everywhere": sorted(who.everywhere),
        "workspaces": {name: sorted(held) for name, held in sorted(who.within.items())},
    }


def user_to_dict(user: User, memberships: dict[str, Role] | None = None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "user_id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role.value if user.role else None,
        "role_given_by": (user.role_given_by or PERSON) if user.role else None,
        "service": user.is_service,
        "has_password": user.password_hash is not None,
        "has_code": user.totp_secret is not None,
        "disabled": user.disabled_at is not None,
        "created_at": rfc3339(user.created_at),
        "last_login_at": rfc3339(user.last_login_at),
    }
    if memberships is not None:
        shown["workspaces"] = {name: role.value for name, role in sorted(memberships.items())}
    return shown


def workspace_to_dict(workspace: Workspace) -> dict[str, Any]:
    return {
        "name": workspace.name,
        "description": workspace.description,
        "created_at": rfc3339(workspace.created_at),
    }


def key_to_dict(key: ApiKey, owner: str, now: datetime) -> dict[str, Any]:
    return {
        "key_id": key.id,
        "name": key.name,
        "user": owner,
        "scopes": [scope.value for scope in key.scopes],
        "workspace": key.workspace,
        "valid": key.valid_at(now),
        "created_at": rfc3339(key.created_at),
        "expires_at": rfc3339(key.expires_at),
        "last_used_at": rfc3339(key.last_used_at),
        "revoked_at": rfc3339(key.revoked_at),
    }


def session_to_dict(session: Session, current: str | None) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "client": session.client,
        "current": session.id == current,
        "created_at": rfc3339(session.created_at),
        "refreshed_at": rfc3339(session.refreshed_at),
        "expires_at": rfc3339(session.expires_at),
    }
