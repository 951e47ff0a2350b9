"""The settings of signing in: where browsers find the gateway, and the OpenID providers that say who somebody is."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from tensorfleet.access.model import Role

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ProviderSettings(BaseModel):
    """One OpenID provider.  People are known by what it calls their subject, never by name or e-mail."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern="^[a-z0-9][a-z0-9-]{0,31}$")
    title: str = Field(default="", max_length=60)
    """On the sign-in page's button; the name when empty."""
    issuer: str = Field(max_length=300)
    """Exactly as the provider itself writes it; its configuration is read below it."""
    client_id: str = Field(min_length=1, max_length=300)
    client_secret: SecretStr = SecretStr("")
    client_secret_file: Path | None = None
    """Where the secret lies instead; read at each sign-in, so that it may change."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    username_claim: str = Field(default="preferred_username", min_length=1)
    groups_claim: str = Field(default="groups", min_length=1)
    """A claim, or a path into one, such as `realm_access.roles`."""
    roles: dict[str, Role | dict[str, Role]] = Field(default_factory=dict)
    """By group: a role everywhere, or roles by workspace.  Of several the one that may most counts."""
    create_users: bool = True
    """Whoever signs in for the first time gets an account; without it only who was linked to one comes in."""
    email_domains: tuple[str, ...] = ()
    """Only who has an address there that the provider has verified; all if empty."""
    required_groups: tuple[str, ...] = ()
    """Only who is in one of these; all if empty."""
    session_hours: float = Field(default=168.0, gt=0, le=24 * 366)
    """After so long the provider is asked again, however busy a session is."""

    @field_validator("issuer")
    @classmethod
    def _is_issuer(cls, issuer: str) -> str:
        if not is_safe(issuer):
            raise ValueError("has to be an https URL without query; http only on this machine")
        return issuer

    @field_validator("scopes")
    @classmethod
    def _ask_for_openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("has to have 'openid'")
        return scopes

    @field_validator("email_domains")
    @classmethod
    def _are_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(domain.lower().removeprefix("@") for domain in domains)

    def secret(self) -> str:
        """What this client proves itself with; empty if it is a public one.

        Raises:
            OSError: the file cannot be read.
        """
        if self.client_secret_file is not None:
            return self.client_secret_file.read_text().strip()
        return self.client_secret.get_secret_value()


class AccessSettings(BaseModel):
    """How people sign in by browser."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = ""
    """Where browsers find the gateway, such as `https://fleet.example.org`: providers send people back there."""
    oidc: tuple[ProviderSettings, ...] = ()
    """OpenID providers that people may sign in at."""

    @field_validator("url")
    @classmethod
    def _is_origin(cls, url: str) -> str:
        found = url.lower().rstrip("/")
        if found and not (_ORIGIN.fullmatch(found) and is_safe(found)):
            raise ValueError(
                "has to be https://host or https://host:port, without a path; http only on this machine"
            )
        return found

    @model_validator(mode="after")
    def _is_whole(self) -> AccessSettings:
        names = [one.name for one in self.oidc]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"has two providers named '{twice}'; give each a name of its own")
        if self.oidc and not self.url:
            raise ValueError("has providers, so it needs url: where browsers find the gateway")
        return self


def is_safe(url: str) -> bool:
    """Whether nobody on the way can read what is sent there, or change what comes back."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
