"""How results are printed and kept."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def median_ms(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1000


def spread_ms(seconds: list[float]) -> str:
    """Lower and upper quartile, where there are enough values to speak of them."""
    if len(seconds) < 4:
        return ""
    low, _, high = statistics.quantiles(seconds, n=4)
    return f"{low * 1000:.0f}..{high * 1000:.0f}"


def write(name: str, data: dict[str, Any]) -> None:
    """Keeps a result with the machine that it was measured on."""
    RESULTS.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine, **data}, indent=2) + "\n")
    print(f"\nwritten to {path}")


def table(title: str, rows: Sequence[tuple[str, ...]], head: tuple[str, ...]) -> None:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n{title}\n")
    for row in [head, *rows]:
        print(
            "  "
            + "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
        )
