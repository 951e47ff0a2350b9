"""A token that lets one more machine in, once: a secret, whose hash the authority keeps, and what to know the authority by."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass

from tensorfleet.errors import InvalidInput

PREFIX = "tfj_"


@dataclass(frozen=True)
class Invitation:
    """`fingerprint` is the SHA-256 of the authority's certificate, `address` where it answers (`host:port`)."""

    address: str
    fingerprint: str
    secret: str

    def __str__(self) -> str:
        data = json.dumps(list(asdict(self).values()), separators=(",", ":")).encode()
        return PREFIX + base64.urlsafe_b64encode(data).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Invitation:
        """Raises InvalidInput when it is no token of this kind."""
        body = text.strip().removeprefix(PREFIX)
        try:
            parts = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            address, fingerprint, secret = (str(part) for part in parts)
        except (ValueError, TypeError, binascii.Error) as error:
            raise InvalidInput(
                f"this is no token to join with: take the whole of what `tensorfleet trust invite` prints, from '{PREFIX}' on"
            ) from error
        return cls(address, fingerprint, secret)
