"""What a job tells as it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tensorfleet.kit.clock import parse_rfc3339


@dataclass(frozen=True)
class Event:
    """One entry of a job's history: `kind` such as `metrics`, `log`, `job.completed`."""

    id: int
    job_id: str
    kind: str
    at: datetime
    data: dict[str, Any]

    @classmethod
    def from_dict(cls, item: dict[str, Any]) -> Event:
        return cls(
            int(item["id"]), item["job_id"], item["kind"], parse_rfc3339(item["at"]), item.get("data") or {}
        )


@dataclass(frozen=True)
class Point:
    """One value of a metric."""

    step: int
    value: float
    at: datetime
