from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.agent.spans import TaskSpans
from tensorfleet.kit import tracing
from tensorfleet.kit.clock import utc_now
from tensorfleet.kit.tracing import Span

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TASK = {"job_id": "j-1", "attempt": 1, "rank": 0, "traceparent": CALLER}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Span]:
    found: dict[str, Span] = {}
    monkeypatch.setattr(tracing, "tell", lambda span: found.update({span.name: span}))
    return found


def test_a_rank_is_part_of_its_task(told: dict[str, Span], tmp_path: Path) -> None:
    spans = TaskSpans(utc_now)
    known = spans.begin(7, TASK)
    (tmp_path / "span.json").write_text(json.dumps({"start": 5.0, "end": 9.0, "marks": {"opened": 6.0}}))
    spans.end(7, tmp_path, {"status": "succeeded"})

    rank, task = told["rank 0"], told["task 0"]
    assert known == {"traceparent": rank.traceparent}
    assert (rank.parent, task.parent) == (task.traceparent, CALLER)
    assert (rank.start, rank.end, rank.marks, rank.failed) == (5.0, 9.0, {"opened": 6.0}, None)


@pytest.mark.parametrize(
    "left",
    ["", "[]", "{", '{"start": "now", "end": null, "marks": []}', '{"start": NaN, "end": 1e300, "marks": {"a": "b"}}',
     '{"start": true, "marks": {"a": -1}}'],
)  # fmt: skip
def test_whatever_own_code_leaves_there_the_task_is_told(
    left: str, told: dict[str, Span], tmp_path: Path
) -> None:
    spans = TaskSpans(utc_now)
    spans.begin(7, TASK)
    (tmp_path / "span.json").write_text(left)
    spans.end(7, tmp_path, {"status": "failed", "class": "killed"})

    assert told["task 0"].start == told["rank 0"].start <= told["rank 0"].end
    assert told["rank 0"].failed == "killed"
    assert told["rank 0"].marks == {}
    assert tracing.encode(list(told.values()))


def test_tasks_of_jobs_that_nobody_traces_cost_nothing(told: dict[str, Any], tmp_path: Path) -> None:
    spans = TaskSpans(utc_now)

    assert spans.begin(7, {key: value for key, value in TASK.items() if key != "traceparent"}) == {}
    spans.end(7, tmp_path, {"status": "succeeded"})
    assert told == {}
