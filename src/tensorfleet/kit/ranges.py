"""The HTTP header `Range`, for downloads that resume."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, end) of the bytes asked for, `end` not included; None for all (several ranges are ignored).

    Raises:
        ValueError: there are no such bytes; answer 416.
    """
    match = _RANGE.fullmatch((header or "").strip())
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if start >= end:
        raise ValueError(f"the range {header} is outside the {size} bytes")
    return start, end
