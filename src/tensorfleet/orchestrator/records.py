"""What tasks write into `records.jsonl`, as entries of the event log.  A task's own code writes there too: anything may come."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tensorfleet.jobs import leaderboard, profiles, waterfall
from tensorfleet.jobs.model import NewEvent


def parse_records(data: bytes) -> list[dict[str, Any]]:
    records = []
    for line in data.splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue  # torn by a kill in the middle of a write; the next attempt writes it again
        if isinstance(record, dict):
            records.append(record)
    return records


def record_events(
    records: list[dict[str, Any]], where: dict[str, int], job_id: str, now: datetime
) -> list[NewEvent]:
    points = [
        {"step": _step(record), "at": _instant(record, now).timestamp(), "values": _numbers(record)}
        for record in records
        if record.get("kind") == "metrics" and _numbers(record)
    ]
    found = [NewEvent("metrics", now, {**where, "points": points}, job_id)] if points else []
    for record in records:
        kind = str(record.get("kind"))
        if kind in _KEPT and _KEPT[kind](record):
            data = {key: record[key] for key in _FIELDS if key in record}
            found.append(NewEvent(kind, _instant(record, now), {**where, **data}, job_id))
    return found


def _instant(record: Mapping[str, Any], now: datetime) -> datetime:
    at = record.get("at")
    try:
        return datetime.fromtimestamp(at, UTC) if isinstance(at, (int, float)) else now
    except (ValueError, OverflowError, OSError):
        return now


def _step(record: Mapping[str, Any]) -> int | None:
    step = record.get("step")
    return step if isinstance(step, int) else None


def _is_checkpoint(record: Mapping[str, Any]) -> bool:
    return _step(record) is not None and all(isinstance(record.get(key), str) for key in ("key", "sha256"))


_FIELDS = (
    "step",
    "key",
    "sha256",
    "bytes",
    "value",
    "message",
    "seconds",
    "candidate",
    "marks",
    "steps",
    "rows",
    "profile",
)
_KEPT: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "checkpoint": _is_checkpoint,
    "environment": lambda record: isinstance(record.get("key"), str),
    "provenance": lambda record: all(isinstance(record.get(key), str) for key in ("key", "sha256")),
    "checkpoint_removed": lambda record: isinstance(record.get("key"), str),
    "timeline": waterfall.is_sound,
    "profile": profiles.is_sound,
    "checkpoint_failed": lambda record: isinstance(record.get("message"), str),
    "export_failed": lambda record: isinstance(record.get("message"), str),
    "candidate": leaderboard.is_sound,
}
"""Records that become entries of the log under their own name, and what makes each of them a sound one."""


def _numbers(record: Mapping[str, Any]) -> dict[str, float | None]:
    """The values of a metrics record that are numbers; those without a value, such as NaN, are None."""
    values, pace = record.get("values"), record.get("pace")
    if not isinstance(values, dict):
        return {}
    return {
        name: _finite(value)
        for name, value in {**values, **(pace if isinstance(pace, dict) else {})}.items()
        if value is None or isinstance(value, (int, float))
    }


def _finite(value: Any) -> float | None:
    """A number as it is; None for what is none, or is beyond all floats."""
    try:
        return value if isinstance(value, (int, float)) and math.isfinite(value) else None
    except OverflowError:
        return None


def latest(records: list[dict[str, Any]]) -> tuple[float | None, dict[str, Any]]:
    progress: float | None = None
    latest: dict[str, Any] = {}
    for record in records:
        value = _finite(record.get("value"))
        if record.get("kind") == "progress" and value is not None:
            progress = min(1.0, max(0.0, float(value)))
        elif record.get("kind") == "metrics":
            latest.update(_numbers(record))
    return progress, latest
