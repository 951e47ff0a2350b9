"""What trials report on their way, by reference to their jobs' metrics in the event log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from tensorfleet.jobs.model import Event

_PAGE = 1000


class EventLog(Protocol):
    def read_after(
        self, position: int, limit: int = 500, job_id: str | None = None, kinds: Sequence[str] | None = None
    ) -> list[Event]: ...


class Reports:
    """Reads a metric's values out of `metrics` events."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    @staticmethod
    def of_event(event: Event, metric: str) -> Iterator[tuple[int, float]]:
        """`(step, value)` of what the first rank reported, in order."""
        if event.kind != "metrics" or event.data.get("rank"):
            return
        for point in event.data["points"]:
            value = point["values"].get(metric)
            if value is not None and point["step"] is not None:
                yield int(point["step"]), float(value)

    def of_job(self, job_id: str, metric: str) -> dict[int, float]:
        """`{step: value}` so far; where an attempt repeated a step, the later one's value counts."""
        found: dict[int, float] = {}
        position = 0
        while page := self._log.read_after(position, _PAGE, job_id, ("metrics",)):
            position = page[-1].id
            for event in page:
                found.update(self.of_event(event, metric))
        return found
