"""What an agent tells of a task that stands still, as values.  It is read with distrust: a task may have had a hand in it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from tensorfleet.kit.storable import storable_text

LIMIT_BYTES = 256 * 1024
MOST_PROCESSES = 32
MOST_FRAMES = 64
MOST_TEXT = 300


@dataclass(frozen=True)
class Frame:
    """One call on a stack; `own` when it is the job's own code, whose `source` line is known then."""

    file: str
    line: int
    function: str
    own: bool = False
    source: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


@dataclass(frozen=True)
class Process:
    """One process of a task.  `frames` are those of its main thread, the innermost first; none when it could not be read."""

    pid: int
    state: str = ""
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True)
class Report:
    """Where one rank stands.  `processes`: the task's own first, then those that it started."""

    rank: int
    beats: int = 0
    step: int = -1
    idle_s: float = 0.0
    """Since the last sign of progress."""
    quiet_s: float = 0.0
    """Since the last sign of life of any kind."""
    usual_s: float = 0.0
    limit_s: float = 0.0
    limit_is_set: bool = False
    """The limit is the owner's, not found from the rhythm of the task."""
    processes: tuple[Process, ...] = ()

    @property
    def frames(self) -> tuple[Frame, ...]:
        return self.processes[0].frames if self.processes else ()

    @property
    def alive(self) -> bool:
        """Whether it showed life lately; a limit has to be half over before anybody doubts."""
        return self.quiet_s < self.limit_s / 2


def read_report(
    rank: int, *, beats: int, step: int, idle_s: float, usual_s: float, stacks_json: str
) -> Report:
    """The report of an agent; what cannot be read of it is left out."""
    found = _object(stacks_json)
    processes = _list(found.get("processes"))[:MOST_PROCESSES]
    return Report(
        rank=rank,
        beats=min(beats, 2**53),
        step=max(-1, step),
        idle_s=_seconds(idle_s),
        quiet_s=_seconds(found.get("quiet_s", idle_s)),
        usual_s=_seconds(usual_s),
        limit_s=_seconds(found.get("limit_s")),
        limit_is_set=found.get("limit_is_set") is True,
        processes=tuple(_process(process) for process in processes if isinstance(process, dict)),
    )


def _process(found: dict[str, Any]) -> Process:
    threads = [thread for thread in _list(found.get("threads")) if isinstance(thread, dict)]
    main = next((thread for thread in threads if thread.get("main") is True), None) or {}
    frames = [frame for frame in _list(main.get("frames"))[:MOST_FRAMES] if isinstance(frame, dict)]
    return Process(
        _whole(found.get("pid")), _text(found.get("state")), tuple(_frame(frame) for frame in frames)
    )


def _frame(found: dict[str, Any]) -> Frame:
    return Frame(
        _text(found.get("file")) or "?",
        _whole(found.get("line")),
        _text(found.get("function")) or "?",
        found.get("own") is True,
        _text(found.get("source")),
    )


def _object(text: str) -> dict[str, Any]:
    if len(text) > LIMIT_BYTES:
        return {}
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return storable_text(" ".join(value[:MOST_TEXT].split())) if isinstance(value, str) else ""


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and abs(value) < 2**53 else 0


def _seconds(value: Any) -> float:
    good = isinstance(value, (int, float)) and 0 <= value < 1e12 and math.isfinite(value)
    return float(value) if good else 0.0
