"""What one line of the live board knows of its job, and what to tell when an event comes; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tensorfleet.cli.output import number
from tensorfleet.kit.clock import parse_rfc3339
from tensorfleet.kit.units import format_duration
from tensorfleet.sdk.logs import LineJoiner, LogLine

if TYPE_CHECKING:
    from tensorfleet.sdk.events import Event
    from tensorfleet.sdk.jobs import Job

_LOSSES = ("loss", "rmse", "mae", "error")
_SCORES = ("accuracy", "f1", "auc", "r2", "score")
_HISTORY = 2000


@dataclass(frozen=True)
class Note:
    """One line for the reader: a change of the job, new metrics, or something that a task wrote."""

    kind: str
    """`change`, `metrics` or `log`."""
    text: str


class Lane:
    """Follows one job by its events."""

    def __init__(self, job: Job) -> None:
        self.job = job
        spec = job.data.get("spec") or {}
        self.algorithm = str(spec.get("algorithm") or spec.get("entrypoint") or job.data.get("kind", ""))
        self.epochs = (spec.get("hyperparameters") or {}).get("epochs")
        self.workers = int(job.data.get("workers") or (spec.get("resources") or {}).get("workers") or 1)
        self.state = "queued"
        self.step: int | None = None
        self.latest: dict[str, float] = {}
        self.history: dict[str, list[float]] = {}
        self._lines = LineJoiner()
        self._started_at: datetime | None = None
        self._ended_at: datetime | None = None

    @property
    def progress(self) -> float:
        """0 to 1: what the job reports, or its epochs when those are ahead of the last answer."""
        reported = float(self.job.data.get("progress") or 0.0)
        if self.state == "completed":
            return 1.0
        if (
            isinstance(self.epochs, int)
            and self.epochs > 0
            and self.step is not None
            and self.step <= self.epochs
        ):
            return min(1.0, max(reported, self.step / self.epochs))
        return min(1.0, reported)

    def elapsed_s(self, now: datetime) -> float | None:
        if self._started_at is None:
            return None
        return max(0.0, ((self._ended_at or now) - self._started_at).total_seconds())

    def key_metrics(self) -> list[tuple[str, float]]:
        """At most one loss and one score, the two numbers that people look at."""
        chosen = [name for words in (_LOSSES, _SCORES) if (name := _first(self.latest, words))]
        return [(name, self.latest[name]) for name in chosen or list(self.latest)[:2]]

    def losses(self) -> list[float]:
        """The course of the loss (or of the score where there is none)."""
        keys = self.key_metrics()
        return self.history.get(keys[0][0], []) if keys else []

    def apply(self, event: Event) -> list[Note]:
        """Takes an event in and returns what to tell."""
        if event.kind == "log":
            data = event.data
            return self._said(self._lines.feed(data["text"], rank=data["rank"], attempt=data["attempt"]))
        if event.kind == "metrics":
            return self._measured(event)
        text = self._changed(event)
        return [Note("change", text)] if text else []

    def end(self) -> list[Note]:
        """Takes the job's last description in; whatever a task left without a line end is told too."""
        self.state = self.job.status
        data = self.job.data
        if data.get("started_at") and data.get("finished_at"):
            self._started_at, self._ended_at = (
                parse_rfc3339(data["started_at"]),
                parse_rfc3339(data["finished_at"]),
            )
        self.latest.update(
            {k: v for k, v in (data.get("metrics") or {}).items() if isinstance(v, (int, float))}
        )
        return self._said(self._lines.flush())

    def outcome(self) -> str:
        """`completed in 12.3 s`, `failed after 2.1 s: out of memory`."""
        seconds = self.elapsed_s(datetime.now().astimezone())
        spent = (
            f" {'in' if self.state == 'completed' else 'after'} {format_duration(seconds)}"
            if seconds is not None
            else ""
        )
        reason = self.job.reason if self.state != "completed" else None
        return f"{self.state}{spent}" + (f": {reason}" if reason else "")

    def _said(self, lines: list[LogLine]) -> list[Note]:
        return [
            Note("log", f"{line.rank} | {line.text}" if self.workers > 1 else line.text) for line in lines
        ]

    def _measured(self, event: Event) -> list[Note]:
        notes = []
        for point in event.data.get("points", []):
            numbers = {
                name: float(value)
                for name, value in point["values"].items()
                if isinstance(value, (int, float))
            }
            self.latest.update(numbers)
            for name, value in numbers.items():
                course = self.history.setdefault(name, [])
                course.append(value)
                del course[:-_HISTORY]
            self.step = int(point["step"])
            told = "  ".join(f"{name} {number(value)}" for name, value in numbers.items())
            notes.append(Note("metrics", f"step {self.step}  {told}"))
        return notes

    def _changed(self, event: Event) -> str | None:
        data = event.data
        match event.kind:
            case "job.started":
                self.state, self._started_at = "running", self._started_at or event.at
                self.workers = int(data.get("workers") or self.workers)
                again = f", attempt {data['attempt']}" if int(data.get("attempt") or 1) > 1 else ""
                return f"running on {self.workers} worker{'' if self.workers == 1 else 's'}{again}"
            case "job.requeued":
                self.state = "queued"
                return f"queued again: {data.get('reason') or 'a worker was lost'}"
            case "job.paused":
                self.state = "paused"
                return "paused"
            case "job.resumed":
                self.state = "queued"
                return "resumed"
            case "job.cancel_requested":
                return "cancel requested"
            case "job.completed" | "job.failed" | "job.cancelled":
                self.state, self._ended_at = event.kind.removeprefix("job."), event.at
            case "job.registered":
                return f"registered as model {data['name']} version {data['version']}"
        return None


def _first(names: dict[str, float], words: tuple[str, ...]) -> str | None:
    found = [name for word in words for name in names if word in name.lower()]
    held_out = [name for name in found if name.lower().startswith(("val", "test"))]
    return next(iter(held_out or found), None)
