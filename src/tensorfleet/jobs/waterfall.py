"""A job's way from submission to its end, attempt by attempt and rank by rank, from the entries of its log."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tensorfleet.jobs.model import Event
from tensorfleet.kit.clock import rfc3339

KINDS = (
    "job.submitted", "job.resumed", "job.requeued", "job.paused", "job.started", "job.completed", "job.failed",
    "job.cancelled", "task.started", "task.finished", "environment", "timeline",
)  # fmt: skip
"""What of the log it is made from."""
MOST_MARKS = 32
STAGES = {
    "received": "sent to the worker",
    "environment": "environment built",
    "forked": "process forked",
    "opened": "session opened",
    "fetched": "files fetched",
    "prepared": "data prepared",
    "joined": "ranks joined",
    "first_step": "first step",
    "trained": "training",
    "evaluated": "evaluation",
    "published": "model published",
    "ended": "wound up",
}
"""What lies before each mark of a task."""
_WAITS = ("job.submitted", "job.resumed", "job.requeued")
_ENDS = ("job.completed", "job.failed", "job.cancelled", "job.requeued", "job.paused")


def is_sound(record: Mapping[str, Any]) -> bool:
    """Whether a task's record of marks is one: names to instants."""
    marks = record.get("marks")
    if not isinstance(marks, dict) or not 0 < len(marks) <= MOST_MARKS:
        return False
    good = all(isinstance(name, str) and len(name) <= 40 and _is_number(at) for name, at in marks.items())
    return good and all(_is_number(record.get(name, 0)) for name in ("steps", "rows", "seconds"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e15 and math.isfinite(value)


@dataclass
class _Rank:
    number: int
    worker_id: str = ""
    started_at: float | None = None
    finished_at: float | None = None
    status: str = "running"
    marks: dict[str, float] = field(default_factory=dict)
    counted: dict[str, float] = field(default_factory=dict)


@dataclass
class _Attempt:
    number: int
    since: float
    leased_at: float
    finished_at: float | None = None
    outcome: str = "running"
    ranks: dict[int, _Rank] = field(default_factory=dict)

    def rank(self, number: int) -> _Rank:
        return self.ranks.setdefault(number, _Rank(number))


def waterfall(events: Iterable[Event], now: datetime) -> list[dict[str, Any]]:
    """The attempts, in order, each with the stages of its ranks; those of one that still runs end now.

    Args:
        events: those of `KINDS`, in order.
    """
    return [_shown(attempt, now.timestamp()) for attempt in _attempts(events)]


def _attempts(events: Iterable[Event]) -> list[_Attempt]:
    found: list[_Attempt] = []
    since: float | None = None
    for event in events:
        at = event.at.timestamp()
        if found and found[-1].finished_at is None and event.kind in _ENDS:
            found[-1].finished_at, found[-1].outcome = at, event.kind.removeprefix("job.")
        if event.kind in _WAITS:
            since = at
        elif event.kind == "job.started":
            found.append(_Attempt(int(event.data["attempt"]), at if since is None else since, at))
        elif "rank" in event.data:
            # What a task has told may come in after the next attempt has begun.
            attempt = next((one for one in found if one.number == event.data.get("attempt")), None)
            if attempt is not None:
                _note(attempt.rank(int(event.data["rank"])), event, at)
    return found


def _note(rank: _Rank, event: Event, at: float) -> None:
    data = event.data
    if event.kind == "task.started":
        rank.started_at, rank.worker_id = at, str(data.get("worker_id") or "")
    elif event.kind == "task.finished":
        rank.finished_at, rank.status = at, str(data.get("status") or "")
    elif event.kind == "environment" and "seconds" in data:
        rank.marks["environment"] = at
    elif event.kind == "timeline" and is_sound(data):
        rank.marks |= {name: float(when) for name, when in data["marks"].items() if name in STAGES}
        rank.counted = {name: float(data[name]) for name in ("steps", "rows", "seconds") if name in data}


def _shown(attempt: _Attempt, now: float) -> dict[str, Any]:
    end = now if attempt.finished_at is None else attempt.finished_at
    ranks = [_rank_shown(attempt, attempt.ranks[number], end) for number in sorted(attempt.ranks)]
    return {
        "attempt": attempt.number,
        "outcome": attempt.outcome,
        "since": _instant(attempt.since),
        "seconds": _seconds(end - attempt.since),
        "queued_s": _seconds(attempt.leased_at - attempt.since),
        "ranks": ranks,
        "rows_per_second": _total(ranks, "rows_per_second"),
        "steps_per_second": max((one["steps_per_second"] or 0.0 for one in ranks), default=0.0) or None,
    }


def _rank_shown(attempt: _Attempt, rank: _Rank, end: float) -> dict[str, Any]:
    shift = _clock_shift(attempt, rank)
    marks = sorted((at + shift, STAGES[name]) for name, at in rank.marks.items())
    done = [("queued", attempt.leased_at), *((name, at) for at, name in marks)]
    if not marks and rank.started_at is not None:
        done.append(("process forked", rank.started_at))
    if rank.finished_at is not None:
        last = "reported" if "ended" in rank.marks else "until its end"
        done.append((last, rank.finished_at))
    stages = _stages(attempt.since, done, rank.finished_at or end, rank.finished_at is None)
    return {
        "rank": rank.number,
        "worker_id": rank.worker_id,
        "status": rank.status,
        "seconds": _seconds((rank.finished_at or end) - attempt.since),
        "clock_shift_s": round(shift, 6),
        "stages": stages,
        **_throughput(rank.counted),
    }


def _clock_shift(attempt: _Attempt, rank: _Rank) -> float:
    """What to add to a worker's times: it got the task after the lease, and before anybody heard that it had."""
    received = rank.marks.get("received")
    if received is not None and received < attempt.leased_at:
        return attempt.leased_at - received
    if received is not None and rank.started_at is not None and received > rank.started_at:
        return rank.started_at - received
    return 0.0


def _stages(since: float, done: list[tuple[str, float]], end: float, goes_on: bool) -> list[dict[str, Any]]:
    """One after the other, without a gap: together they take from `since` to `end`."""
    stages, before = [], since
    for name, at in [*done, *([("now", end)] if goes_on else [])]:
        done_at = min(max(at, before), max(end, since))
        stages.append(
            {"name": name, "start_s": _seconds(before - since), "seconds": _seconds(done_at - before)}
        )
        before = done_at
    return stages


def _throughput(counted: Mapping[str, float]) -> dict[str, float | None]:
    seconds = counted.get("seconds", 0.0)
    found: dict[str, float | None] = {}
    for name in ("steps", "rows"):
        count = counted.get(name, 0.0)
        found[f"{name}_per_second"] = round(count / seconds, 3) if count > 0 and seconds > 0 else None
    return found


def throughput(counted: Any) -> dict[str, float] | None:
    """Steps and rows per second of what a task says that it counted; None where it says nothing of use."""
    if not isinstance(counted, dict) or not all(_is_number(value) for value in counted.values()):
        return None
    return {name: value for name, value in _throughput(counted).items() if value is not None} or None


def _total(ranks: list[dict[str, Any]], name: str) -> float | None:
    return round(math.fsum(one[name] or 0.0 for one in ranks), 3) or None


def _seconds(value: float) -> float:
    return round(max(0.0, value), 6)


def _instant(at: float) -> str | None:
    return rfc3339(datetime.fromtimestamp(at, UTC))
