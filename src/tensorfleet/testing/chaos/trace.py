"""What the event log tells of one job, gathered entry by entry."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tensorfleet.jobs.model import Event

_LINE = re.compile(r"^step (\d+) of rank (\d+)$", re.MULTILINE)


@dataclass
class RankTrace:
    """What one rank delivered in one attempt."""

    text: list[str] = field(default_factory=list)
    log_end: int = 0
    points: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def add_log(self, data: dict[str, Any]) -> None:
        if data["offset"] != self.log_end:
            self.gaps.append(
                f"a piece of the log begins at byte {data['offset']}, the last one ended at {self.log_end}"
            )
        self.log_end = data["offset"] + len(data["text"].encode())
        self.text.append(data["text"])

    def lines(self, rank: int) -> list[int]:
        """The steps of the numbered lines, in their order; lines of something else are left out."""
        found = _LINE.finditer("".join(self.text))
        return [int(match[1]) for match in found if int(match[2]) == rank]


@dataclass
class JobTrace:
    """The entries of one job: its lifecycle in order, and what each rank of each attempt delivered."""

    lifecycle: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ranks: dict[tuple[int, int], RankTrace] = field(default_factory=dict)
    checkpoints: list[tuple[int, int]] = field(default_factory=list)
    """`(attempt, step)`, in the order of arrival."""

    def add(self, event: Event) -> None:
        data = event.data
        if event.kind == "log":
            self._rank(data).add_log(data)
        elif event.kind == "metrics":
            self._rank(data).points += [(point["step"], point["values"]) for point in data["points"]]
        elif event.kind == "checkpoint":
            self.checkpoints.append((data["attempt"], data["step"]))
        elif event.kind.startswith(("job.", "task.")) and not event.kind.endswith("_requested"):
            self.lifecycle.append((event.kind, data))

    def _rank(self, data: dict[str, Any]) -> RankTrace:
        return self.ranks.setdefault((data["attempt"], data["rank"]), RankTrace())

    def attempts(self, kind: str) -> list[int]:
        return [data["attempt"] for found, data in self.lifecycle if found == kind]
