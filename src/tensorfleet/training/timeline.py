"""How far a task has come and when, and how fast it goes: cheap enough for the innermost loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class Timeline:
    """Marks by name, and a count of steps and rows; told as one record after the first step, and once more at the end.

    Args:
        tell: takes the records.
        clock: never goes back; `wall` says what time it is, and is read once.

    Attributes:
        marks: when something was done, in seconds since 1970.
    """

    def __init__(
        self,
        tell: Callable[[dict[str, Any]], None],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._offset = wall() - clock()
        self.marks: dict[str, float] = {}
        self.steps = self.rows = 0
        self._all_rows = self._first_rows = 0
        self._first_at = self._last_at = 0.0
        self._window = (0.0, 0, 0)
        self._fit_s: float | None = None

    def mark(self, name: str, at: float | None = None) -> None:
        """Notes that `name` is done, now if not said; a later mark of the name counts."""
        self.marks[name] = self._offset + self._clock() if at is None else at

    def step(self, rows: int = 0, of_all: int = 0) -> None:
        """Counts a step of so many rows on this rank; `of_all` ranks together, where that is known."""
        self._last_at = self._clock()
        self.steps += 1
        self.rows += rows
        self._all_rows += of_all or rows
        if self.steps == 1:
            self._first_at, self._first_rows = self._last_at, self.rows
            self._window = (self._last_at, 1, self._all_rows)
            self._first_step()

    def reported(self) -> None:
        """For code that reports and does not count its steps: at least the first and the last one are known."""
        if not self.steps and self._fit_s is None:
            self._last_at = self._clock()
            if "first_step" not in self.marks:
                self._first_step()

    def fitted(self, rows: int, seconds: float) -> None:
        """Counts a fit that has no steps that can be seen from outside."""
        self.rows, self._fit_s = rows, seconds
        self.mark("trained")

    def pace(self) -> dict[str, float]:
        """Steps per second since this was asked before, and rows per second of all ranks; empty when nothing was counted."""
        since, steps, rows = self._window
        seconds = self._last_at - since
        if not self.steps or self.steps == steps or seconds <= 0:
            return {}
        self._window = (self._clock(), self.steps, self._all_rows)
        found = {"steps_per_second": (self.steps - steps) / seconds}
        if self._all_rows > rows:
            found["rows_per_second"] = (self._all_rows - rows) / seconds
        return {name: round(value, 3) for name, value in found.items()}

    def mark_last_step(self) -> None:
        """No step comes any more: the last one was the end of training."""
        if self._last_at and "trained" not in self.marks:
            self.mark("trained", self._offset + self._last_at)

    def close(self) -> None:
        """The end of the task's work: tells all of it."""
        self.mark_last_step()
        self.mark("ended")
        self._tell(self.record())

    def record(self) -> dict[str, Any]:
        about = {"kind": "timeline", "at": self._offset + self._clock(), "marks": dict(self.marks)}
        return about | self.counted

    @property
    def counted(self) -> dict[str, float]:
        """What throughput follows from: the steps and rows after the first step, and the seconds that they took."""
        if self._fit_s is not None:
            return {"steps": 1, "rows": self.rows, "seconds": round(self._fit_s, 6)}
        if self.steps < 2:
            return {}
        seconds = round(self._last_at - self._first_at, 6)
        return {"steps": self.steps - 1, "rows": self.rows - self._first_rows, "seconds": seconds}

    def _first_step(self) -> None:
        self.mark("first_step", self._offset + self._last_at)
        self._tell(self.record())
