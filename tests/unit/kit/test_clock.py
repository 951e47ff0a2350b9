from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tensorfleet.kit.clock import parse_rfc3339, rfc3339, steady_clock, utc_now


def test_instants_are_written_in_utc_with_microseconds() -> None:
    instant = datetime(2026, 3, 4, 7, 6, 7, 5, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(instant) == "2026-03-04T05:06:07.000005Z"
    assert rfc3339(None) is None


def test_what_was_written_is_read() -> None:
    now = utc_now()
    assert now.tzinfo is UTC
    text = rfc3339(now)
    assert text is not None
    assert parse_rfc3339(text) == now


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_rfc3339(text)


def test_a_steady_clock_does_not_follow_a_clock_that_is_set() -> None:
    wall, counted = [datetime(2026, 3, 4, tzinfo=UTC)], [100.0]
    clock = steady_clock(lambda: wall[0], lambda: counted[0])
    for jump in (timedelta(hours=1), timedelta(hours=-2)):
        before = clock()
        wall[0] += jump
        counted[0] += 5
        assert clock() - before == timedelta(seconds=5)


def test_a_steady_clock_says_what_other_processes_say() -> None:
    wall, counted = [datetime(2026, 3, 4, tzinfo=UTC)], [100.0]
    clock = steady_clock(lambda: wall[0], lambda: counted[0])
    wall[0] += timedelta(milliseconds=901)
    counted[0] += 0.9
    assert clock() == wall[0]


def test_a_steady_clock_never_goes_back() -> None:
    wall, counted = [datetime(2026, 3, 4, tzinfo=UTC)], [100.0]
    clock = steady_clock(lambda: wall[0], lambda: counted[0])
    before = clock()
    wall[0] -= timedelta(milliseconds=300)
    assert clock() == before
    wall[0] += timedelta(milliseconds=400)
    counted[0] += 0.1
    assert clock() == before + timedelta(milliseconds=100)
