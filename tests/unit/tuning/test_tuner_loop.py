"""The tuner's process: who leads, what is done when the database is away, and when it ends."""

from __future__ import annotations

from typing import Any

import pytest

from tensorfleet import composition
from tensorfleet.errors import LostLead, Unavailable
from tensorfleet.jobs.schemas import parse_spec
from tensorfleet.tuner.main import BACKOFF_S, IDLE_LOOK_S, RENEW_S, run


class Stage:
    """Plays all that the loop uses: studies, lead, bell and clock.  Each wait moves the clock."""

    def __init__(self, *turns: Any) -> None:
        self.turns = list(turns)
        self.now = 0.0
        self.stopped = False
        self.term: int | None = None
        self.free = True
        self.waits: list[tuple[float, bool]] = []
        self.said: list[str] = []

    def once(self) -> int:
        turn = self.turns.pop(0) if self.turns else 0
        self.stopped = not self.turns
        if isinstance(turn, Exception):
            raise turn
        return int(turn)

    def forget(self) -> None:
        self.said.append("forget")

    def acquire(self) -> bool:
        self.said.append("acquire")
        self.term = 1 if self.free else None
        return self.free

    def renew(self) -> None:
        self.said.append("renew")

    def wait(self, seconds: float, *, heed_nudges: bool = True) -> None:
        self.waits.append((seconds, heed_nudges))
        self.now += max(seconds, 0.001)
        if len(self.waits) > 1000:
            self.stopped = True

    def play(self, exit_when_idle_s: float | None = None) -> Stage:
        stage: Any = self
        run(stage, stage, stage, 0.01, exit_when_idle_s, lambda: self.now)
        return self


def test_it_looks_often_while_a_study_runs_and_seldom_else() -> None:
    assert [seconds for seconds, _ in Stage(1, 1, 0, 0).play().waits] == [
        0.01,
        0.01,
        IDLE_LOOK_S,
        IDLE_LOOK_S,
    ]


def test_it_ends_when_nothing_ran_for_a_while() -> None:
    stage = Stage(1, *[0] * 100).play(exit_when_idle_s=3.0)
    assert not stage.stopped
    assert 3.0 <= stage.now < 4.5


def test_it_conducts_nothing_while_another_one_leads() -> None:
    stage = Stage(LostLead("never called"))
    stage.free = False
    stage.play()
    assert set(stage.said) == {"acquire"}
    assert stage.turns
    assert {seconds for seconds, _ in stage.waits} == {BACKOFF_S}


def test_it_holds_the_lead() -> None:
    stage = Stage(*[0] * round(4 * RENEW_S / IDLE_LOOK_S)).play()
    assert stage.said[0] == "acquire"
    assert stage.said.count("renew") == 3


def test_who_lost_the_lead_forgets_and_asks_for_it_again() -> None:
    assert Stage(1, LostLead("gone"), 1, 0).play().said == ["acquire", "forget", "acquire"]


def test_while_the_database_is_away_it_waits() -> None:
    stage = Stage(1, Unavailable("away"), 1, 0).play()
    assert stage.waits[1] == (BACKOFF_S, False)
    assert "forget" not in stage.said


STUDY = {
    "name": "s",
    "kind": "tune",
    "algorithm": "svm",
    "dataset": "wine",
    "tune": {
        "space": {"C": {"float": [0.1, 1]}},
        "objective": {"metric": "accuracy", "direction": "maximize"},
        "sampler": "gp",
    },
}


@pytest.mark.parametrize(
    ("absent", "field", "words"),
    [
        ("optuna", "tune", "needs optuna, which is not installed here: pip install 'tensorfleet[tune]'"),
        (
            "torch",
            "tune.sampler",
            "needs torch, which is not installed here: pip install 'tensorfleet[torch]'",
        ),
    ],
)
def test_a_study_is_refused_where_its_libraries_are_not_installed(
    absent: str, field: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs: Any = composition.FleetInputs(*[None] * 3)  # type: ignore[arg-type]
    assert inputs.check_algorithm(parse_spec(STUDY)) == []
    monkeypatch.setattr(composition, "find_spec", lambda name: None if name == absent else object())
    (error,) = inputs.check_algorithm(parse_spec(STUDY))
    assert (error.field, error.message) == (field, words)
