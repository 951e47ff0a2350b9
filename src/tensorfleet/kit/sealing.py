"""Encryption of short texts for storage: AES-256-GCM with a random nonce, bound to what the text belongs to."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12


class Broken(ValueError):
    """Sealed with another key, for something else, or changed since: which of these, nobody can tell."""


def new_sealing_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def seal_bytes(key: bytes, plain: bytes, context: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def unseal_bytes(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """What `seal_bytes` was given.

    Raises:
        Broken: it cannot be read with this key, for this.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:  # too short for a nonce
        raise Broken("cannot be read with this key") from error
