"""What tasks tell of their time goes into the log as far as it is sound: their own code may have written it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.orchestrator.test_handlers import AT, lines, metrics, take

PROFILE = {"unit": "step", "steps": 5, "seconds": 0.5, "phases": {"data": 0.5}}


def test_marks_and_profiles_become_entries() -> None:
    marks = {"opened": AT, "trained": AT + 1}
    told = {"kind": "timeline", "at": AT, "marks": marks, "steps": 9, "rows": 90, "seconds": 1.5, "else": 1}
    pieces, _ = take(lines(told, {"kind": "profile", "at": AT, "profile": PROFILE}))
    where = {"attempt": 2, "rank": 0}
    assert [(event.kind, event.data) for event in pieces.events] == [
        ("timeline", {**where, "marks": marks, "steps": 9, "rows": 90, "seconds": 1.5}),
        ("profile", {**where, "profile": PROFILE}),
    ]


@pytest.mark.parametrize(
    "record",
    [
        {"kind": "timeline"},
        {"kind": "timeline", "marks": {"opened": float("nan")}},
        {"kind": "timeline", "marks": {"opened": AT}, "rows": "many"},
        {"kind": "timeline", "marks": {"opened": AT}, "seconds": float("inf")},
        {"kind": "timeline", "marks": {f"m{number}": AT for number in range(1000)}},
        {"kind": "profile", "profile": "text"},
        {"kind": "profile", "profile": {"seconds": float("nan")}},
        {"kind": "profile", "profile": {"operators": ["x" * 1000] * 1000}},
    ],
)
def test_what_is_not_sound_is_left_out(record: dict[str, Any]) -> None:
    pieces, end = take(lines(record))
    assert pieces.events == []
    assert end == pieces.stands_at


def test_the_pace_is_a_metric_beside_what_was_reported() -> None:
    pieces, _ = take(lines(metrics({"loss": 0.5}, pace={"rows_per_second": 10.0, "bad": float("nan")})))
    (point,) = pieces.events[0].data["points"]
    assert point["values"] == {"loss": 0.5, "rows_per_second": 10.0, "bad": None}
    assert pieces.progress == [(None, point["values"])]
    for wrong in ("fast", 7, [1]):
        pieces, _ = take(lines(metrics({"loss": 0.5}, pace=wrong)))
        assert pieces.events[0].data["points"][0]["values"] == {"loss": 0.5}
