"""What a profile says: shares that add up, the part that is worth working on, and nothing that was made up."""

from __future__ import annotations

from typing import Any

import pytest

from tensorfleet.jobs.profiles import describe, is_sound, read_profile

EVEN = {"data": 0.01, "forward": 0.3, "backward": 0.5, "communication": 0.05, "optimiser": 0.1, "other": 0.04}


def told(steps: int = 10, unit: str = "step", **phases: float) -> dict[str, Any]:
    return {"unit": unit, "steps": steps, "seconds": sum(phases.values()), "phases": phases}


def sentence(*ranks: dict[str, Any]) -> str:
    found: str = describe([read_profile(number, one) for number, one in enumerate(ranks)])["sentence"]
    return found


def test_phases_are_means_over_ranks_per_step() -> None:
    ranks = [read_profile(0, told(**EVEN)), read_profile(1, told(steps=20, **EVEN))]
    found = describe(ranks)
    assert found["ms"] == pytest.approx(75.0)
    assert found["phases"][0] == {"name": "backward", "ms": pytest.approx(37.5), "share": 0.5}
    assert sum(phase["share"] for phase in found["phases"]) == pytest.approx(1.0, abs=1e-3)
    assert [one["ms"] for one in found["ranks"]] == [100.0, 50.0]


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        ({"data": 0.61, "forward": 0.3, "backward": 0.09}, "61% of a step waits for data: read ahead"),
        ({"communication": 0.4, "forward": 0.6}, "40% of a step goes into averaging gradients"),
        ({"saving": 0.5, "forward": 0.5}, "50% of a step goes into saving: save less often"),
        ({"other": 0.7, "forward": 0.3}, "train.phase"),
        ({"optimiser": 0.3, "forward": 0.7}, "30% of a step goes into the optimiser"),
        ({"tokenise": 0.9, "forward": 0.1}, "90% of a step is tokenise"),
        (EVEN, "80% of a step computes (forward and backward)"),
    ],
)
def test_the_sentence_names_what_is_worth_working_on(phases: dict[str, float], said: str) -> None:
    assert said in sentence(told(**phases))


def test_the_rank_that_the_others_wait_for_is_named() -> None:
    fast, slow = told(communication=0.7, forward=0.3), told(communication=0.05, forward=0.95)
    assert "Rank 1 waits least: the others wait for it." in sentence(fast, slow)
    assert "waits least" not in sentence(fast, fast)


def test_a_whole_job_is_told_by_its_parts() -> None:
    assert sentence(told(1, "job", fitting=0.8, publishing=0.2)) == "80% of the job is fitting."


def test_too_few_steps_are_no_profile() -> None:
    found = describe([read_profile(0, told(0) | {"note": "3 steps were seen"})])
    assert found["sentence"] == "There is no profile: 3 steps were seen"
    assert found["phases"] == []


@pytest.mark.parametrize(
    "hostile",
    [
        {},
        {"steps": "many", "seconds": [], "phases": "all", "operators": 7, "trace": "here"},
        {
            "steps": -1,
            "seconds": -5,
            "phases": {"a": -1, "b": True, "c": 1e300},
            "operators": [1, {"name": None}],
        },
        {"steps": 1, "seconds": 0, "phases": {str(n): 1.0 for n in range(1000)}},
        {"unit": "job", "steps": 3, "seconds": 1, "phases": {}, "trace": {"sha256": "../" * 30}},
    ],
)
def test_what_makes_no_sense_is_left_out(hostile: dict[str, Any]) -> None:
    found = read_profile(0, hostile)
    assert found.trace is None
    assert len(found.phases) <= 40
    assert all(0 <= value < 1e15 for value in found.phases.values())
    assert describe([found])["sentence"]


def test_what_the_log_cannot_hold_is_refused() -> None:
    nested: dict[str, Any] = {}
    for _ in range(100_000):
        nested = {"a": nested}
    assert is_sound({"profile": told(**EVEN)})
    for wrong in (None, [], {"x": "y" * 100_000}, {"x": float("nan")}, nested):
        assert not is_sound({"profile": wrong})
