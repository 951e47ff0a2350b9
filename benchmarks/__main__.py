"""Runs every benchmark, or those named: `python -m benchmarks [NAME ...]`."""

from __future__ import annotations

import importlib
import sys

ALL = (
    "job_start",
    "fleet_start",
    "idle",
    "transfer",
    "scheduler",
    "autoscaling",
    "noop",
    "scale",
    "api",
    "series",
    "recovery",
    "ddp",
    "scaling",
    "boosting",
    "tuning",
    "auto",
    "page",
)

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        importlib.import_module(f"benchmarks.{name}").main()
