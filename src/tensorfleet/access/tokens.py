"""Tokens as text: access tokens (JWT), refresh tokens and keys.

Their secrets derive from the home's own token (HKDF, RFC 5869): every gateway of a platform makes and reads the same ones,
and a new token of the home ends all that were signed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tensorfleet.access.model import Role, Session, User
from tensorfleet.errors import NotAuthenticated

ISSUER = "tensorfleet"
ALGORITHM = "HS256"
"""The only one that is read: a token does not choose how it is checked."""
KEY_PREFIX = "tfk_"
REFRESH_PREFIX = "tfr_"
MOST_CHARACTERS = 4096
_CLOCKS_DIFFER_S = 60.0
_CHECKED: dict[str, Any] = {
    "issuer": ISSUER,
    "audience": ISSUER,
    # The times are compared below, with the clock that made them.
    "options": {
        "require": ["exp", "iat", "iss", "aud", "sub", "sid"],
        "verify_exp": False,
        "verify_iat": False,
    },
}
BAD_REFRESH = "this refresh token is not valid; sign in again with `tensorfleet login`"


@dataclass(frozen=True)
class Tokens:
    """What a sign-in gives."""

    access_token: str
    refresh_token: str
    expires_in: int  # seconds that the access token is good for


class Numbered:
    """Tokens of a session that follow each other: also one that was used is told from a forged one."""

    def __init__(self, secret: bytes, prefix: str, refusal: str) -> None:
        self._secret = secret
        self._prefix = prefix
        self._refusal = refusal

    def make(self, session_id: str, serial: int) -> str:
        return f"{self._prefix}{session_id}_{serial}_{self._proof(session_id, serial)}"

    def read(self, token: str) -> tuple[str, int]:
        """The session's id, and which of its tokens this is.

        Raises:
            NotAuthenticated: it was not made here.
        """
        parts = token.removeprefix(self._prefix).split("_")
        if not token.startswith(self._prefix) or len(parts) != 3 or not _is_number(parts[1]):
            raise NotAuthenticated(self._refusal)
        session_id, serial = parts[0], int(parts[1])
        if not hmac.compare_digest(parts[2].encode(), self._proof(session_id, serial).encode()):
            raise NotAuthenticated(self._refusal)
        return session_id, serial

    def _proof(self, session_id: str, serial: int) -> str:
        return hmac.new(self._secret, f"{session_id}_{serial}".encode(), hashlib.sha256).hexdigest()


class TokenMaker:
    """Makes and reads tokens; what they stand for is looked up by who asks."""

    def __init__(self, home_token: str, lifetime: timedelta = timedelta(minutes=15)) -> None:
        self._signing = derive(home_token, b"access tokens")
        self._refreshing = Numbered(derive(home_token, b"refresh tokens"), REFRESH_PREFIX, BAD_REFRESH)
        self._lifetime = lifetime

    def issue(self, user: User, memberships: Mapping[str, Role], session: Session, now: datetime) -> Tokens:
        roles = [user.role.value] if user.role else []
        roles += [f"{workspace}:{role.value}" for workspace, role in sorted(memberships.items())]
        claims = {
            "iss": ISSUER,
            "aud": ISSUER,
            "sub": user.id,
            "sid": session.id,
            "iat": now,
            "exp": now + self._lifetime,
            "user_id": user.id,
            "username": user.name,
            "roles": roles,
        }
        access = jwt.encode(claims, self._signing, ALGORITHM, headers={"typ": "at+jwt"})
        refresh = self._refreshing.make(session.id, session.serial)
        return Tokens(access, refresh, int(self._lifetime.total_seconds()))

    def read_access(self, token: str, now: datetime) -> dict[str, Any]:
        """The claims; whether their session still holds is for the caller to ask.

        Raises:
            NotAuthenticated: forged, expired, of another kind, or not a token at all.
        """
        try:
            claims = dict(jwt.decode(token, self._signing, [ALGORITHM], **_CHECKED))
            begins, ends = float(claims["iat"]), float(claims["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise NotAuthenticated("this is not a token of this TensorFleet") from error
        if begins > now.timestamp() + _CLOCKS_DIFFER_S:
            raise NotAuthenticated("this access token is from the future; are the gateways' clocks right?")
        if now.timestamp() >= ends:
            raise NotAuthenticated("this access token has expired; refresh it, or sign in again")
        return claims

    def read_refresh(self, token: str) -> tuple[str, int]:
        """The session's id, and which of its refresh tokens this is: also one that was used is told from a forged one.

        Raises:
            NotAuthenticated: it was not made here.
        """
        return self._refreshing.read(token)


def derive(home_token: str, purpose: bytes) -> bytes:
    """A 32-byte secret for one purpose; from it neither the token nor another purpose's secret can be found."""
    return HKDF(SHA256(), 32, None, b"tensorfleet " + purpose).derive(home_token.encode())


def new_key(key_id: str) -> tuple[str, str]:
    """A key's text, which is shown once, and the digest that is kept."""
    secret = secrets.token_urlsafe(32)
    return f"{KEY_PREFIX}{key_id}_{secret}", digest_of(secret)


def read_key(token: str) -> tuple[str, str]:
    """The key's id, and the digest of what came with it.

    Raises:
        NotAuthenticated: it does not look like a key.
    """
    key_id, _, secret = token.removeprefix(KEY_PREFIX).partition("_")
    if not token.startswith(KEY_PREFIX) or not secret:
        raise NotAuthenticated("this is not a key of this TensorFleet")
    return key_id, digest_of(secret)


def digest_of(secret: str) -> str:
    """SHA-256 is enough here, and fast: the secret has 256 random bits, nobody can guess along."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
