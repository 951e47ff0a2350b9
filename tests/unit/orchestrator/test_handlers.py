"""What agents send is read with distrust: torn, hostile or senseless, it never stops the orchestrator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tensorfleet.jobs.model import FailureClass, NewEvent, TaskStatus
from tensorfleet.orchestrator.handlers import parse_outcome, take_chunk

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
AT = NOW.timestamp() - 60


class Pieces:
    """Takes pieces over as the store does, and remembers what came of them."""

    def __init__(self, stands_at: int = 0) -> None:
        self.stands_at = stands_at
        self.events: list[NewEvent] = []
        self.progress: list[tuple[float | None, dict[str, Any]]] = []

    def task_place(self, token: int) -> tuple[str, int, int] | None:
        return ("j-1", 2, token - 1) if token < 3 else None

    def take_over(self, token: int, stream: str, start: int, end: int, new: Sequence[NewEvent]) -> int:
        if start == self.stands_at:
            self.events += new
            self.stands_at = end
        return self.stands_at

    def update_progress(
        self, job_id: str, attempt: int, progress: float | None, metrics: dict[str, Any]
    ) -> None:
        self.progress.append((progress, metrics))


def take(data: bytes, stream: str = "record", token: int = 1, start: int = 0) -> tuple[Pieces, int | None]:
    pieces = Pieces()
    return pieces, take_chunk(pieces, token, stream, start, data, NOW)  # type: ignore[arg-type]


def lines(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def metrics(values: Any, **changes: Any) -> dict[str, Any]:
    return {"kind": "metrics", "at": AT, "step": 3, "values": values, **changes}


def test_records_become_entries_and_figures() -> None:
    checkpoint = {"kind": "checkpoint", "at": AT, "step": 3, "key": "c/3", "sha256": "ab", "bytes": 9}
    data = lines(
        metrics({"loss": 0.5}),
        {"kind": "progress", "value": 0.25},
        checkpoint,
        metrics({"loss": 0.4}, step=4),
    )
    pieces, end = take(data)
    assert end == len(data)
    where = {"attempt": 2, "rank": 0}
    points = [
        {"step": 3, "at": AT, "values": {"loss": 0.5}},
        {"step": 4, "at": AT, "values": {"loss": 0.4}},
    ]
    found = {"step": 3, "key": "c/3", "sha256": "ab", "bytes": 9}
    assert pieces.events == [
        NewEvent("metrics", NOW, {**where, "points": points}, "j-1"),
        NewEvent("checkpoint", datetime.fromtimestamp(AT, UTC), {**where, **found}, "j-1"),
    ]
    assert pieces.progress == [(0.25, {"loss": 0.4})]


def test_figures_of_the_job_come_from_rank_zero() -> None:
    pieces, _ = take(lines(metrics({"loss": 0.5})), token=2)
    assert pieces.events[0].data["rank"] == 1
    assert pieces.progress == []


def test_a_record_torn_by_a_kill_is_left_out() -> None:
    data = lines(metrics({"loss": 0.5})) + b'{"kind": "metrics", "val\n' + lines(metrics({"loss": 0.4}))
    pieces, end = take(data)
    assert end == len(data), "the torn one is taken over too, or the stream would never go on"
    assert [point["values"] for point in pieces.events[0].data["points"]] == [{"loss": 0.5}, {"loss": 0.4}]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"\0\0\0",
        b"\xff\xfe",
        b"[" * 100_000,
        b'"text"\n7\nnull\n[]\n{}\n',
        lines({"kind": "unheard of"}, {"kind": ["metrics"]}),
        lines(metrics(None), metrics([1]), metrics({}), metrics({"loss": "low"})),
        lines({"kind": "checkpoint"}, {"kind": "checkpoint", "key": 1, "step": 1, "sha256": "a"}),
        lines({"kind": "checkpoint", "key": "a", "step": "last", "sha256": "a"}),
        lines({"kind": "progress", "value": "much"}, {"kind": "progress", "value": 10**400}),
    ],
    ids=range(11),
)
def test_what_makes_no_sense_leaves_no_entry(data: bytes) -> None:
    pieces, end = take(data)
    assert end == len(data)
    assert pieces.events == []
    assert pieces.progress == []


@pytest.mark.parametrize("at", [None, "now", 1e300, -1e300, float("nan"), float("inf")])
def test_an_instant_that_is_none_is_now(at: Any) -> None:
    pieces, _ = take(lines(metrics({"loss": 1}, at=at)))
    assert pieces.events[0].data["points"][0]["at"] == NOW.timestamp()


def test_values_that_are_no_numbers_are_none_or_left_out() -> None:
    values = {
        "nan": float("nan"),
        "inf": float("-inf"),
        "huge": 10**400,
        "null": None,
        "text": "x",
        "list": [],
    }
    pieces, _ = take(lines(metrics({**values, "good": 1.5}, step="third")))
    (point,) = pieces.events[0].data["points"]
    assert point["values"] == {"nan": None, "inf": None, "huge": None, "null": None, "good": 1.5}
    assert point["step"] is None


@pytest.mark.parametrize(("value", "shown"), [(-3, 0.0), (7, 1.0), (0.5, 0.5), (True, 1.0)])
def test_progress_stays_between_nothing_and_all(value: Any, shown: float) -> None:
    pieces, _ = take(lines({"kind": "progress", "value": value}))
    assert pieces.progress == [(shown, {})]


def test_a_log_is_text_whatever_its_bytes() -> None:
    pieces, end = take(b"a\0b \xff \xf0\x9f\x8c\xb2\n", "log", start=0)
    assert end == 11
    (entry,) = pieces.events
    assert entry.data == {"attempt": 2, "rank": 0, "offset": 0, "text": "a\ufffdb \ufffd 🌲\n"}


def test_a_duplicate_changes_no_figure() -> None:
    pieces, end = take(lines(metrics({"loss": 0.5})), start=500)
    assert end == 0
    assert (pieces.events, pieces.progress) == ([], [])


@pytest.mark.parametrize(("stream", "token"), [("record", 99), ("log_offset", 1), ("", 1)])
def test_an_unknown_lease_or_stream_is_not_taken(stream: str, token: int) -> None:
    pieces, end = take(b"x", stream, token)
    assert end is None
    assert pieces.events == []


# ---- outcomes --------------------------------------------------------------------------------------------------------


def test_an_outcome_is_read_whole() -> None:
    good = parse_outcome(json.dumps({"status": "succeeded", "result": {"metrics": {"loss": 1}}}))
    assert (good.status, good.failure, good.result) == (TaskStatus.SUCCEEDED, None, {"metrics": {"loss": 1}})
    report = {"status": "failed", "class": "out_of_memory", "message": "too big", "traceback": "Trace"}
    bad = parse_outcome(json.dumps(report))
    assert bad.status is TaskStatus.FAILED
    assert bad.failure is not None
    assert (bad.failure.cls, bad.failure.message) == (FailureClass.OUT_OF_MEMORY, "too big")
    assert bad.failure.traceback == "Trace"


def test_an_unheard_of_class_is_a_failure_of_ours() -> None:
    outcome = parse_outcome('{"status": "lost", "class": "bewitched"}')
    assert outcome.status is TaskStatus.LOST
    assert outcome.failure is not None
    assert (outcome.failure.cls, outcome.failure.message) == (FailureClass.INTERNAL, "no reason was given")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "null",
        "7",
        "[]",
        "{}",
        '"succeeded"',
        '{"status": null}',
        '{"status": ["failed"]}',
        '{"status": "splendid"}',
        '{"status": "running"}',
        '{"status": "leased"}',
        '{"status": "succeeded", "result": [1]}',
        '{"status": "succeeded", "result": {"metrics": [1]}}',
        '{"status": "failed", "traceback": {"a": 1}}',
        "[" * 100_000,
    ],
    ids=range(16),
)
def test_an_outcome_that_makes_no_sense_is_a_failure_of_ours(text: str) -> None:
    outcome = parse_outcome(text)
    assert outcome.status is TaskStatus.FAILED
    assert outcome.failure is not None
    assert outcome.failure.cls is FailureClass.INTERNAL
    assert outcome.failure.message == "the agent's report could not be read"


def test_a_piece_that_was_masked_ends_where_it_does_in_the_tasks_file() -> None:
    pieces = Pieces()
    assert take_chunk(pieces, 1, "log", 0, b"it is ***\n", NOW, 31) == 31  # type: ignore[arg-type]
    assert pieces.events[0].data["text"] == "it is ***\n"
    assert take_chunk(pieces, 1, "log", 31, b"rest", NOW) == 35  # type: ignore[arg-type]
    assert take_chunk(pieces, 1, "log", 35, b"lied", NOW, 7) == 39  # type: ignore[arg-type]
