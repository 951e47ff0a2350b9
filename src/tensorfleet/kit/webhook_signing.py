"""Signatures of webhooks as the Standard Webhooks specification (1.0.0, symmetric) has them.  Pure.

Signed is `id.timestamp.body`.  The header `webhook-signature` has one `v1,<base64>` for each secret that is in force, so that
a secret can be replaced while both sides go on.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence

PREFIX = "whsec_"
ID_HEADER, TIME_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
SECRET_BYTES = 32
TOLERANCE_S = 300.0
_VERSION = "v1"
_LEAST_BYTES, _MOST_BYTES = 24, 64
_MOST_SIGNATURES = 16


class BadSignature(ValueError):
    """The message was not sent by who has the secret, or not now."""


def secret_text(key: bytes) -> str:
    """A secret as people copy it."""
    return PREFIX + b64encode(key).decode()


def secret_key(text: str) -> bytes:
    """The key of a secret's text.

    Raises:
        ValueError: it is not the secret of a webhook.
    """
    try:
        key = b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise ValueError(
            f"a webhook's secret is '{PREFIX}' and {_LEAST_BYTES} to {_MOST_BYTES} bytes in base64"
        )
    return key


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"{_VERSION},{b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def signed_headers(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """What goes with a message."""
    signatures = " ".join(sign(key, message_id, timestamp, body) for key in keys)
    return {ID_HEADER: message_id, TIME_HEADER: str(timestamp), SIGNATURE_HEADER: signatures}


def check(
    keys: Iterable[bytes],
    headers: Mapping[str, str],
    body: bytes,
    now: float,
    tolerance_s: float = TOLERANCE_S,
) -> str:
    """Returns the message's id if one of the keys has signed it within `tolerance_s` of `now`.

    Raises:
        BadSignature
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = given.get(ID_HEADER, ""), given.get(TIME_HEADER, "")
    if not message_id or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise BadSignature(
            f"the headers {ID_HEADER} and {TIME_HEADER} are not there, or are not as they should be"
        )
    if abs(now - int(timestamp)) > tolerance_s:
        raise BadSignature("its timestamp is too old or in the future; are both clocks right?")
    offered = given.get(SIGNATURE_HEADER, "").split()[:_MOST_SIGNATURES]
    expected = [sign(key, message_id, int(timestamp), body).encode() for key in keys]
    # All are compared, whatever the first ones come to: the time that it takes says nothing.
    fits = [hmac.compare_digest(one, other.encode(errors="replace")) for one in expected for other in offered]
    if not any(fits):
        raise BadSignature("no signature of it fits the secret")
    return message_id
