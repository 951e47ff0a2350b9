"""Values from outside as text that every database and client can hold."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

_LONG_NUMBER = re.compile(rb"[0-9]{19}")


def storable_text(text: str) -> str:
    """`text` with U+FFFD for what PostgreSQL or UTF-8 cannot hold: NUL, and half of a surrogate pair."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\0", "\ufffd")


def to_json(value: Any) -> str:
    """Strict JSON: a number that is none becomes null, and half a surrogate pair U+FFFD."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(_storable(value), allow_nan=False)


def from_json(text: str | bytes) -> Any:
    """What the JSON says; whole numbers of any length stay whole, which the fast parser would make floats of."""
    data = text.encode() if isinstance(text, str) else bytes(text)
    return json.loads(data) if _LONG_NUMBER.search(data) else orjson.loads(data)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable_text(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
