"""Time, passed in wherever it matters, so that tests own it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current instant, aware, in UTC."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def rfc3339(instant: datetime | None) -> str | None:
    """`2026-03-04T05:06:07.123456Z`, as the API writes every instant."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
