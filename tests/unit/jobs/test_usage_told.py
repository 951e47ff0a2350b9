"""What an agent says that a task has used is believed only as far as it can be true."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tensorfleet.jobs.accounting import parse_usage, used
from tensorfleet.jobs.model import Usage
from tensorfleet.kit.energy import estimated_j
from tensorfleet.orchestrator.handlers import parse_outcome

GOOD = {"cpu_s": 2.5, "energy_j": 11.0, "energy_how": "estimated"}
NAN, BEYOND = float("nan"), float("inf")


def test_a_report_is_taken_as_it_is() -> None:
    told = parse_outcome(json.dumps({"status": "succeeded", "result": {"metrics": {}}, "usage": GOOD})).usage
    assert told == Usage(2.5, 11.0, "estimated")
    assert used(told, 3.0, 1.0, 0) == told


@pytest.mark.parametrize(
    "change",
    [
        {"cpu_s": -1}, {"cpu_s": "2"}, {"cpu_s": True}, {"cpu_s": NAN}, {"energy_j": BEYOND}, {"energy_j": None},
        {"energy_j": -0.1}, {"energy_j": 10**400}, {"energy_how": "guessed"}, {"energy_how": ["measured"]},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_left_out(change: dict[str, Any]) -> None:
    assert parse_usage({**GOOD, **change}) is None
    assert parse_usage([GOOD]) is None


def test_a_report_that_breaks_nothing_else_of_the_outcome() -> None:
    outcome = parse_outcome(json.dumps({"status": "succeeded", "result": {"metrics": {}}, "usage": "much"}))
    assert (outcome.status.value, outcome.usage) == ("succeeded", None)


def test_where_nothing_was_told_half_of_what_was_given_counts() -> None:
    found = used(None, 100.0, 4.0, 8 * 1024**3)
    assert found == Usage(None, estimated_j(200.0, 8 * 1024**3, 100.0), "estimated")
    assert found.energy_j == 200 * 4 + 3 * 100
    assert used(None, -5.0, 4.0, 0).energy_j == 0  # clocks differ


def test_more_than_any_machine_has_is_not_believed() -> None:
    assert used(Usage(1e9, 5.0, "measured"), 10.0, 1.0, 0).energy_how == "estimated"
    assert used(Usage(1.0, 1e12, "measured"), 10.0, 1.0, 0) == used(None, 10.0, 1.0, 0)
