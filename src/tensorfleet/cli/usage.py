"""How `tensorfleet workers usage` looks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from tensorfleet.cli.charts import sparkline
from tensorfleet.cli.output import print_table

_WIDTH = 40
_LINES = (
    ("cpu %", "cpu_percent"),
    ("memory %", "memory_percent"),
    ("busy", "busy"),
    ("slots", "slots"),
    ("waiting jobs", "queued"),
    ("workers", "workers"),
)
_OF_GPU = (("%", "utilisation_percent"), ("memory %", "memory_percent"))


def print_usage(found: dict[str, Any]) -> None:
    points: list[dict[str, Any]] = found["points"]
    if points:
        sys.stdout.write(f"From {points[0]['at']} on, in steps of {found['step_s']} s.\n")
    rows = [_row(title, points, key) for title, key in _LINES if points and key in points[0]]
    for number in sorted({gpu["gpu"] for point in points for gpu in point.get("gpus", ())}):
        seen = [gpu for point in points for gpu in point["gpus"] if gpu["gpu"] == number]
        rows += [_row(f"gpu {number} {title}", seen, key) for title, key in _OF_GPU]
    headers = ("what", "mean", "highest", "course")
    print_table(
        headers, rows, empty="Nothing was written down in that time; it begins when the worker joins."
    )


def _row(title: str, points: Sequence[dict[str, Any]], key: str) -> tuple[str, str, str, str]:
    values = [float(point[key]) for point in points]
    highest = max(float(point.get(f"{key}_max", point[key])) for point in points)
    return title, f"{sum(values) / len(values):.1f}", f"{highest:.4g}", sparkline(values, _WIDTH)
