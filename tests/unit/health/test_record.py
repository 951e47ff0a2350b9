"""Into quarantine, out of it, and what of it is stored."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tensorfleet.fleet.health_codec import health_of, health_to_dict
from tensorfleet.health.marks import MOST_JOBS, Marks
from tensorfleet.health.model import Finding, Pace, Status, Verdict
from tensorfleet.health.record import (
    By,
    Health,
    after_check,
    after_failures,
    held_by_person,
    on_machine,
    released,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
PACE = Pace(first_s=10, most_s=35, forget_s=1000, failures=2, window_s=100)
BAD = Verdict((Finding("disk", Status.FAILED, "the disk is full"),), ("gpus: no GPU",))
FAIR = Verdict((Finding("disk", Status.DEGRADED, "the disk is slow"),))


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def next_look_s(health: Health, since_s: float) -> float:
    assert health.quarantine is not None
    assert health.quarantine.next_check_at is not None
    return (health.quarantine.next_check_at - at(since_s)).total_seconds()


def test_a_failed_machine_is_looked_at_again_at_growing_intervals() -> None:
    health = after_check(Health("m"), "m", BAD, NOW, PACE)
    held = health.quarantine
    assert held is not None
    assert (held.by, held.since, held.reason) == (By.CHECK, NOW, "the disk is full")
    assert (health.status, health.checked_at, health.skipped) == ("failed", NOW, ("gpus: no GPU",))
    waits = [next_look_s(health, 0)]
    for seconds in (10, 30, 65):
        health = after_check(health, "m", BAD, at(seconds), PACE)
        waits.append(next_look_s(health, seconds))
    assert waits == [10, 20, 35, 35]
    assert health.quarantine is not None
    assert health.quarantine.since == NOW


def test_it_is_released_when_it_passes_and_what_was_counts_for_a_while() -> None:
    health = after_check(Health("m"), "m", BAD, NOW, PACE)
    passed = after_check(health, "m", FAIR, at(10), PACE)
    assert (passed.quarantine, passed.status, passed.strikes) == (None, "degraded", 1)
    again = after_check(passed, "m", BAD, at(500), PACE)
    assert next_look_s(again, 500) == 20
    much_later = after_check(passed, "m", BAD, at(5000), PACE)
    assert next_look_s(much_later, 5000) == 10
    assert after_check(Health(), "m", FAIR, NOW, PACE).quarantine is None


def test_a_person_has_the_last_word() -> None:
    held = held_by_person(Health("m"), "its fan is loud", NOW)
    for verdict in (BAD, FAIR, Verdict()):
        checked = after_check(held, "m", verdict, at(1), PACE)
        assert checked.quarantine == held.quarantine
        assert checked.checked_at == at(1)
    assert after_failures(held, "m", "3 jobs failed", NOW, PACE) == held
    bad = after_check(Health("m"), "m", BAD, NOW, PACE)
    taken_over = held_by_person(bad, "I look at it", at(5))
    assert taken_over.quarantine is not None
    assert (taken_over.quarantine.since, taken_over.quarantine.next_check_at) == (NOW, None)
    assert released(bad).quarantine is None
    assert released(bad).strikes == 0


def test_failures_of_jobs_have_to_be_sat_out() -> None:
    """The checks could not see what was wrong: that they pass at once says nothing."""
    health = after_failures(Health("m"), "m", "2 jobs failed", NOW, PACE)
    assert next_look_s(health, 0) == 10
    early = after_check(health, "m", Verdict(), at(1), PACE)
    assert early.quarantine == health.quarantine
    assert after_check(early, "m", Verdict(), at(10), PACE).quarantine is None
    worse = after_check(health, "m", BAD, at(1), PACE)
    assert worse.quarantine is not None
    assert (worse.quarantine.by, worse.quarantine.since) == (By.CHECK, NOW)


def test_what_was_known_of_another_machine_is_forgotten() -> None:
    assert on_machine(None, "m") == Health("m")
    bad = after_check(Health("m"), "m", BAD, NOW, PACE)
    assert on_machine(bad, "m") is bad
    assert on_machine(bad, "other") == Health("other")
    held = held_by_person(bad, "mine", NOW)
    assert on_machine(held, "other").quarantine == held.quarantine


def test_it_is_the_same_when_it_was_stored() -> None:
    bad = after_check(Health("m"), "m", BAD, NOW, PACE)
    for health in (Health(), bad, held_by_person(bad, "x", NOW), replace(bad, quarantine=None)):
        assert health_of(json.loads(json.dumps(health_to_dict(health)))) == health
    assert health_to_dict(Health())["status"] == "unchecked"
    assert health_to_dict(bad)["quarantine"]["since"] == "2026-03-04T05:06:07.890123Z"


# ---- marks -----------------------------------------------------------------------------------------------------------


def failed_here_well_there(marks: Marks, *jobs: str, seconds: float = 0.0) -> None:
    for job in jobs:
        marks.failed(job, "bad", "killed")
        marks.went_well(job, frozenset({"good"}), at(seconds))


def test_jobs_that_failed_there_and_went_well_elsewhere() -> None:
    marks = Marks(PACE)
    failed_here_well_there(marks, "a")
    assert marks.bad(NOW) == {}
    failed_here_well_there(marks, "a", "b")
    found = marks.bad(NOW)
    assert found.keys() == {"bad"}
    assert (
        "2 jobs failed there within 100 s and went well elsewhere: a (killed), b (killed); the limit is 2"
        in found["bad"]
    )
    assert marks.bad(NOW) == {}, "each is told once"


def test_jobs_that_fail_everywhere_or_go_well_there_later_say_nothing() -> None:
    marks = Marks(PACE)
    for job in ("a", "b", "c"):
        marks.failed(job, "bad", "killed")
    marks.dropped("a")
    marks.dropped("never seen")
    marks.went_well("b", frozenset({"bad"}), NOW)
    marks.went_well("c", frozenset({"good"}), NOW)
    assert marks.bad(NOW) == {}


def test_old_failures_and_few_among_many_do_not_count() -> None:
    marks = Marks(PACE)
    failed_here_well_there(marks, "a")
    failed_here_well_there(marks, "b", seconds=101)
    assert marks.bad(at(101)) == {}
    busy = Marks(PACE)
    for number in range(5):
        busy.went_well(f"w{number}", frozenset({"bad"}), NOW)
    failed_here_well_there(busy, "a", "b", "c", "d")
    assert busy.bad(NOW) == {}, "4 of 9"
    failed_here_well_there(busy, "e", "f")
    assert "a (killed), b (killed), c (killed), d (killed), e (killed) and others" in busy.bad(NOW)["bad"]


def test_a_machine_is_forgiven_and_the_memory_is_bounded() -> None:
    marks = Marks(PACE)
    failed_here_well_there(marks, "a", "b")
    marks.forgive("bad")
    marks.forgive("never seen")
    assert marks.bad(NOW) == {}
    for number in range(MOST_JOBS + 5):
        marks.failed(f"j{number}", "bad", "killed")
    assert len(marks._failed) == MOST_JOBS
