"""Cursors for lists: opaque to clients, small, and checked when they come back."""

from __future__ import annotations

import base64
import json
from typing import Any

from tensorfleet.errors import InvalidInput


def encode_cursor(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def decode_cursor(text: str, length: int) -> list[Any]:
    """The values that `encode_cursor` was given.

    Raises:
        InvalidInput: it is not a cursor of this list.
    """
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != length:
        raise InvalidInput(
            f"cursor '{text[:40]}' does not belong to this list; take next_cursor from its last page"
        )
    return values
