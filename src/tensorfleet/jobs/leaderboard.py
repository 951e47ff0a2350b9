"""The leaderboard of a job that tries many models, while it runs: made of what it has said of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

LOWER_IS_BETTER = frozenset({"log_loss", "rmse", "mae"})
_MOST_NAMES = 100


def is_sound(record: Mapping[str, Any]) -> bool:
    """Whether a task's record has a line of a leaderboard: own code writes records too, and may write anything."""
    return _is_line(record.get("candidate"))


def _is_line(given: Any) -> bool:
    if not isinstance(given, dict) or len(given) > _MOST_NAMES:
        return False
    score, number = given.get("score"), given.get("number")
    scored = score is None or (type(score) in (int, float) and math.isfinite(score))
    return type(number) is int and scored and isinstance(given.get("metric"), str)


def of_events(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines in the data of events, the best first, those without a score at the end; of a number told twice the later one."""
    lines: dict[int, dict[str, Any]] = {}
    for data in found:
        if is_sound(data):
            lines[data["candidate"]["number"]] = data["candidate"]
    return sorted(lines.values(), key=_place)


def _place(line: Mapping[str, Any]) -> tuple[bool, float, int]:
    score = line["score"]
    if score is None:
        return True, 0.0, line["number"]
    return False, score if line["metric"] in LOWER_IS_BETTER else -score, line["number"]
