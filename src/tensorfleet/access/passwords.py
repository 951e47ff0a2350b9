"""Passwords (argon2id, RFC 9106) and one-time codes (RFC 6238)."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from functools import cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from tensorfleet.errors import FieldError, InvalidInput
from tensorfleet.kit.sealing import Broken, seal_bytes, unseal_bytes

LEAST_LENGTH = 10
MOST_LENGTH = 1000
STEP_S = 30
_HASHER = PasswordHasher()  # RFC 9106's second recommendation: 64 MiB, three passes


def hash_password(password: str, name: str) -> str:
    """Its hash, with salt and costs.

    Raises:
        InvalidInput: it is too short, too long, or the user's name.
    """
    if len(password) < LEAST_LENGTH:
        raise _refused(f"has {len(password)} characters; use at least {LEAST_LENGTH}")
    if len(password) > MOST_LENGTH:
        raise _refused(f"has more than {MOST_LENGTH} characters")
    if password.casefold() == name.casefold():
        raise _refused("is the user's name")
    return _HASHER.hash(password)


def verify_password(kept: str | None, password: str) -> bool:
    """Whether it is the one that was hashed.  Takes as long where there is none to compare with as where it is wrong."""
    try:
        return _HASHER.verify(kept or _nobodys(), password[: MOST_LENGTH + 1]) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether the hash was made with lower costs than are usual now."""
    return _HASHER.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    """A hash of no password, made without computing one: comparing with it costs what it costs with anybody's, from the first."""
    costs = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    parts = (secrets.token_bytes(_HASHER.salt_len), secrets.token_bytes(_HASHER.hash_len))
    salt, digest = (base64.b64encode(part).decode().rstrip("=") for part in parts)
    return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${digest}"


def _refused(why: str) -> InvalidInput:
    return InvalidInput(f"the password {why}", [FieldError("password", why)])


def new_totp_secret() -> str:
    return pyotp.random_base32()


def totp_uri(secret: str, name: str) -> str:
    """What an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="TensorFleet")


def step_of_code(secret: str, code: str, now: datetime) -> int | None:
    """Which 30-second step the code belongs to, one before or after now at the most; None if to none."""
    totp = pyotp.TOTP(secret)
    step = int(now.timestamp()) // STEP_S
    for candidate in (step, step - 1, step + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(candidate), code.replace(" ", "")):
            return candidate
    return None


def seal(key: bytes, text: str, what: str) -> str:
    """Encrypts a short text for storage, bound to what it belongs to (AES-256-GCM)."""
    return seal_bytes(key, text.encode(), what.encode()).hex()


def unseal(key: bytes, sealed: str, what: str) -> str:
    """What `seal` was given.

    Raises:
        InvalidInput: it was sealed with another key, for something else, or was changed.
    """
    try:
        return unseal_bytes(key, bytes.fromhex(sealed), what.encode()).decode()
    except Broken as error:
        raise InvalidInput(
            "a stored secret cannot be read: it was written under another token of this home, or was changed"
        ) from error
