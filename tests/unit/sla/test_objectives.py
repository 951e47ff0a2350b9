"""Error budgets, burn rates, what is told of them, and spans of time in which the API answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tensorfleet.composition import objectives_of
from tensorfleet.errors import InvalidInput
from tensorfleet.settings import load_settings
from tensorfleet.sla.figures import Answers, Api, Ended, Jobs, Tally
from tensorfleet.sla.model import (
    Change,
    Name,
    Objective,
    Objectives,
    Standing,
    burn_rate,
    change_of,
    parse_objectives,
)
from tensorfleet.sla.uptime import Span, spans_after

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
JOBS = Objective(Name.JOB_SUCCESS, 0.99)
UP = Objective(Name.AVAILABILITY, 0.995)
MONTH_S = 30 * 86400.0


def test_a_budget_is_what_may_be_bad() -> None:
    half = Standing(JOBS, Tally(995, 1000))
    assert half.budget == pytest.approx(10)
    assert half.budget_left == pytest.approx(0.5)
    assert half.met is True
    assert Standing(JOBS, Tally(990, 1000)).met is True, "all of it may be used"
    over = Standing(JOBS, Tally(980, 1000))
    assert over.budget_left == pytest.approx(-1)
    assert over.met is False
    nothing = Standing(JOBS, Tally())
    assert (nothing.budget_left, nothing.met) == (1.0, None)


def test_the_budget_of_time_is_that_of_the_whole_month() -> None:
    down_s = 60.0
    early = Standing(UP, Tally(3600 - down_s, 3600), MONTH_S - 3600)
    assert early.budget == pytest.approx(0.005 * MONTH_S)
    assert early.budget_left == pytest.approx(1 - down_s / 12960)
    assert early.met is True
    assert Standing(UP, early.tally).met is False, "at the end only what was measured counts"


def test_a_burn_rate_of_one_lasts_exactly_for_the_month() -> None:
    assert burn_rate(JOBS, Tally(99, 100)) == pytest.approx(1.0)
    assert burn_rate(JOBS, Tally(0, 10)) == pytest.approx(100.0)
    assert burn_rate(JOBS, Tally(10, 10)) == 0.0
    assert burn_rate(JOBS, Tally()) is None


def told_over(*tallies: Tally) -> list[str]:
    told, said = False, []
    for tally in tallies:
        change = change_of(told, Standing(JOBS, tally))
        told = told if change is None else change is Change.BREACHED
        said.append(change.value if change else "")
    return said


def test_a_breach_is_told_once_until_there_is_budget_again() -> None:
    kept, just_over, barely_back, back = (
        Tally(1000, 1000), Tally(989, 1000), Tally(1980.5, 2000), Tally(4985, 5000)
    )  # fmt: skip
    assert told_over(kept, just_over, just_over, barely_back, just_over, back, just_over) == [
        "", "sla.breached", "", "", "", "sla.restored", "sla.breached"
    ]  # fmt: skip


def test_of_a_few_jobs_nothing_is_told() -> None:
    assert told_over(Tally(0, 9), Tally(9, 10)) == ["", "sla.breached"]


def test_settings_become_objectives(tmp_path: Path) -> None:
    (tmp_path / "tensorfleet.yaml").write_text(
        "sla:\n  availability: 99.9\n  queue_wait_p95_s: 45\n"
        "  workspaces:\n    lab: {job_success: 99.95, submission_p95_s: null}\n"
    )
    found = objectives_of(load_settings(home=tmp_path))
    assert found.default == (
        Objective(Name.AVAILABILITY, 0.999),
        Objective(Name.SUBMISSION, 0.95, 0.5),
        Objective(Name.JOB_SUCCESS, 0.99),
        Objective(Name.QUEUE_WAIT, 0.95, 45),
    )
    assert found.of("lab") == (
        found.default[0],
        Objective(Name.JOB_SUCCESS, 0.9995),
        found.default[3],
    )
    assert found.of("others") == found.of(None) == found.own(None) == found.default
    assert found.own("lab") == found.of("lab")[1:], "its availability is that of all"
    assert 45 in found.edges


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sla: {availabilty: 99}", "availability"),
        ("sla: {availability: 100}", "sla.availability"),
        ("sla: {workspaces: {lab: {job_success: 0}}}", "sla.workspaces.lab.job_success"),
        ("sla: {url: 'file:///etc/passwd'}", "http://gateway:8080"),
        ("sla: {url: 'http://me:secret@gateway'}", "without user and password"),
        ("sla: {url: 'http://[::1'}", "http://gateway:8080"),
        ("sla: {every_s: 0}", "sla.every_s"),
    ],
)
def test_wrong_settings_are_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "tensorfleet.yaml").write_text(text)
    with pytest.raises(InvalidInput) as why:
        load_settings(home=tmp_path)
    assert said in str(why.value)


def test_each_objective_has_its_own_tally() -> None:
    jobs = Jobs(waits={0.01: 3}, ended=(Ended("completed", None, 4), Ended("failed", "lost_worker", 1)))
    api = Api(Tally(99.0, 100.0), (Answers("submit", 0.05, 7),))
    objectives = Objectives(
        parse_objectives(
            {"availability": 99.5, "submission_p95_s": 0.5, "job_success": 99, "queue_wait_p95_s": 1}
        )
    )
    tallies = {one.name.value: objectives.tally(one, jobs, api) for one in objectives.default}
    assert tallies == {
        "availability": Tally(99.0, 100.0),
        "submission": Tally(7, 7),
        "job_success": Tally(4, 5),
        "queue_wait": Tally(3, 3),
    }


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def spans(last: Span | None, *probes: tuple[float, bool]) -> list[tuple[float, float, bool]]:
    found = spans_after(last, [(at(seconds), up) for seconds, up in probes], timedelta(seconds=30))
    return [
        ((one.began_at - NOON).total_seconds(), (one.ended_at - NOON).total_seconds(), one.up)
        for one in found
    ]


def test_what_stays_as_it_is_is_one_span() -> None:
    assert spans(None, (0, True), (10, True), (40, True)) == [(0, 40, True)]
    assert spans(Span(at(0), at(40), True), (50, True)) == [(0, 50, True)]


def test_the_time_between_two_probes_is_as_the_later_one_found_it() -> None:
    assert spans(None, (0, True), (10, True), (20, False), (25, False), (35, True)) == [
        (0, 10, True), (10, 25, False), (25, 35, True)
    ]  # fmt: skip
    assert spans(Span(at(0), at(0), True), (10, False)) == [(0, 10, False)], "one instant is no time"


def test_nobody_knows_what_was_while_nobody_asked() -> None:
    assert spans(Span(at(0), at(10), True), (41, True), (50, True)) == [(41, 50, True)]
    assert spans(Span(at(0), at(10), False), (41, True)) == [(41, 41, True)]


def test_what_is_told_twice_changes_nothing() -> None:
    assert spans(Span(at(0), at(20), True), (10, False), (20, True)) == []
    assert spans(Span(at(0), at(20), True), (10, False), (20, True), (30, True)) == [(0, 30, True)]
