"""Time, passed in wherever it matters, so that tests own it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the current instant, aware, in UTC."""


def utc_now() -> datetime:
    return datetime.now(UTC)


STEADY_WITHIN = timedelta(seconds=1)


def steady_clock(wall: Clock = utc_now, monotonic: Callable[[], float] = time.monotonic) -> Clock:
    """A clock that never goes back, and follows the time of day until somebody sets that.

    When the machine's clock is set forward or back, leases and timeouts that go by it neither end early nor last for ever:
    from then on it counts by itself. While nobody does, it says what every other process of the machine says, so that
    instants which several processes write are in order.
    """
    began_at, began = wall(), monotonic()
    latest = began_at

    def read() -> datetime:
        nonlocal latest
        counted, now = began_at + timedelta(seconds=monotonic() - began), wall()
        latest = max(latest, now if abs(now - counted) < STEADY_WITHIN else counted)
        return latest

    return read


def rfc3339(instant: datetime | None) -> str | None:
    """`2026-03-04T05:06:07.123456Z`, as the API writes every instant."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
