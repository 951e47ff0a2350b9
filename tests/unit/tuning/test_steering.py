"""What a study does next, for every state that its trials can be in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tensorfleet.jobs.model import JobStatus
from tensorfleet.tuning.model import Trial, TrialState, best_of
from tensorfleet.tuning.steering import HOPELESS, End, Next, Plan, decide

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STATES = {
    "r": TrialState.RUNNING,
    "c": TrialState.COMPLETED,
    "p": TrialState.PRUNED,
    "f": TrialState.FAILED,
    "x": TrialState.CANCELLED,
}


def trials(letters: str, values: tuple[float, ...] = (1.0,)) -> list[Trial]:
    return [
        Trial(
            "j-1", number, f"j-{number}", {}, NOW, STATES[letter], values if letter == "c" else None, f"why {number}"
        )
        for number, letter in enumerate(letters)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("letters", "following"),
    [
        ("", Next(ask=2)),
        ("r", Next(ask=1)),
        ("rr", Next(ask=0)),
        ("cr", Next(ask=1)),
        ("ccccr", Next(ask=1)),
        ("cccccr", Next()),
        ("ccccpf", Next(end=End(JobStatus.COMPLETED))),
        ("pppppp", Next(end=End(JobStatus.FAILED, "none of 6 trials completed"))),
        (
            "pppffx",
            Next(end=End(JobStatus.FAILED, "none of 6 trials completed; the last that failed said: why 4")),
        ),
        (
            "fffffr",
            Next(
                end=End(JobStatus.FAILED, "the first 5 trials all failed, the last one with: why 4"),
                stop=True,
            ),
        ),
        ("ffffc", Next(ask=1)),
    ],
)
def test_what_follows(letters: str, following: Next) -> None:
    assert decide(Plan(trials=6, parallel=2), trials(letters), NOW) == following


def test_the_hopeless_are_counted_in_the_order_of_their_numbers() -> None:
    assert HOPELESS == 5
    assert decide(Plan(20, 2), trials("pfffff"), NOW) == Next(ask=2)


def test_after_its_time_a_study_asks_for_nothing_and_waits_for_what_runs() -> None:
    plan = Plan(6, 2, ends_at=NOW + timedelta(seconds=1))
    late = NOW + timedelta(seconds=1)
    assert decide(plan, trials("c"), NOW) == Next(ask=2)
    assert decide(plan, trials("cr"), late) == Next()
    assert decide(plan, trials("cc"), late) == Next(end=End(JobStatus.COMPLETED))
    assert decide(plan, [], late).end == End(JobStatus.FAILED, "the time was over before a trial began")


def valued(*values: tuple[float, ...]) -> list[Trial]:
    return [
        Trial("j-1", number, f"j-{number}", {}, NOW, TrialState.COMPLETED, one)
        for number, one in enumerate(values)
    ]


def test_the_best_is_the_first_of_equal_ones() -> None:
    found = valued((0.5,), (0.9,), (0.9,), (0.1,))
    assert [trial.number for trial in best_of(found, ["maximize"])] == [1]
    assert [trial.number for trial in best_of(found, ["minimize"])] == [3]
    assert best_of(trials("rfpx"), ["maximize"]) == []


def test_with_several_objectives_the_front_is_the_best() -> None:
    found = valued((0.9, 5.0), (0.8, 1.0), (0.7, 2.0), (0.9, 4.0))
    assert [trial.number for trial in best_of(found, ["maximize", "minimize"])] == [1, 3]
