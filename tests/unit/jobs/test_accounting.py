"""What the time of a lease was good for: its parts are always the whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.jobs.accounting import split

BEGAN = datetime(2026, 3, 4, tzinfo=UTC)
instants = st.floats(-1e6, 1e6).map(lambda s: BEGAN + timedelta(seconds=s))


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


@given(instants, st.none() | instants, instants, st.booleans(), st.none() | instants, st.none() | instants)
def test_the_parts_are_the_whole_whatever_the_clocks_said(granted, started, released, completed, kept, hung):
    parts = split(granted, started, released, completed=completed, kept_until=kept, hung_since=hung)
    assert parts.total_s == pytest.approx(max(0.0, (released - granted).total_seconds()), abs=1e-3)
    assert min(parts.idle_s, parts.useful_s, parts.lost_s, parts.hung_s) >= 0


def test_all_work_of_an_attempt_that_completed_counts():
    parts = split(at(0), at(2), at(10), completed=True)
    assert (parts.idle_s, parts.useful_s, parts.lost_s, parts.hung_s) == (2, 8, 0, 0)


def test_work_after_the_newest_checkpoint_is_lost():
    parts = split(at(0), at(2), at(10), completed=False, kept_until=at(7))
    assert (parts.idle_s, parts.useful_s, parts.lost_s, parts.hung_s) == (2, 5, 3, 0)


def test_without_a_checkpoint_all_work_is_lost():
    assert split(at(0), at(2), at(10), completed=False).lost_s == 8


def test_what_stood_still_is_hung_and_not_lost():
    parts = split(at(0), at(1), at(60), completed=False, kept_until=at(20), hung_since=at(30))
    assert (parts.idle_s, parts.useful_s, parts.lost_s, parts.hung_s) == (1, 19, 10, 30)


def test_a_task_that_never_ran_was_idle():
    parts = split(at(0), None, at(5), completed=False, kept_until=None)
    assert (parts.idle_s, parts.total_s) == (5, 5)
