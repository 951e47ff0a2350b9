"""The agent's part of a job's trace, and that of its ranks, which do not talk to a collector themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

import structlog

from tensorfleet.agent.masking import Mask
from tensorfleet.agent.outcomes import read_object
from tensorfleet.kit import tracing
from tensorfleet.kit.clock import Clock
from tensorfleet.kit.tracing import Span

RANK_FILE = "span.json"
_MOST_MARKS = 50
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Begun:
    parent: str
    mine: str
    rank: str
    received_at: float
    about: dict[str, Any]


class TaskSpans:
    """Spans of tasks that have begun, by lease."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun: dict[int, _Begun] = {}

    def begin(self, lease: int, task: dict[str, Any]) -> dict[str, Any]:
        """What the task has to know: the span that stands for its rank; nothing when nobody traces its job."""
        parent = task.get("traceparent")
        if parent is None:
            return {}
        mine = tracing.child_of(parent)
        rank = tracing.child_of(mine)
        about = {f"tensorfleet.{name}": task[name] for name in ("job_id", "attempt", "rank")}
        self._begun[lease] = _Begun(parent, mine, rank, self._clock().timestamp(), about)
        return {"traceparent": rank}

    def end(self, lease: int, directory: Path, outcome: dict[str, Any], mask: Mask | None = None) -> None:
        """`mask` is that of what the rank itself has left; `outcome` is masked already."""
        begun = self._begun.pop(lease, None)
        if begun is None:
            return
        status = str(outcome.get("status"))
        failed = None if status in ("succeeded", "stopped") else str(outcome.get("class") or status)
        about = begun.about | {"tensorfleet.status": status}
        left = (mask or Mask()).value(read_object(directory / RANK_FILE))
        start, end, marks = _told(left, begun.received_at, self._clock().timestamp())
        rank = about["tensorfleet.rank"]
        of_rank = Span(f"rank {rank}", begun.rank, begun.mine, start, end, "tensorfleet-rank", marks=marks)
        of_task = Span(
            f"task {rank}",
            begun.mine,
            begun.parent,
            begun.received_at,
            self._clock().timestamp(),
            "tensorfleet-agent",
            "consumer",
        )
        for span in (of_rank, of_task):
            tracing.tell(replace(span, failed=failed, attributes=about))
        job_id = about["tensorfleet.job_id"]
        log.info("task ended", job_id=job_id, lease=lease, status=status, **tracing.ids_of(begun.mine))


def _told(rank: dict[str, Any], first: float, last: float) -> tuple[float, float, dict[str, float]]:
    """When a rank began and ended, and what in between, by its own word; its own code writes there too: anything may come."""
    start, end, marks = rank.get("start"), rank.get("end"), rank.get("marks")
    told = marks.items() if isinstance(marks, dict) else ()
    sound = [(str(name)[:60], float(at)) for name, at in told if _is_instant(at)]
    return (
        float(start) if _is_instant(start) else first,
        float(end) if _is_instant(end) else last,
        dict(sound[:_MOST_MARKS]),
    )


def _is_instant(value: Any) -> TypeGuard[float]:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 <= value < 1e10
