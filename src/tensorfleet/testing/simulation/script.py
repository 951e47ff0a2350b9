"""What a task of a simulated job does: so many steps, and then an end, all of it known beforehand.

The script rides in the job's hyperparameters.  A simulated agent acts it out in memory; `own_code.py` acts out the same one
in a real process.  Because nothing in it is left to chance, whoever reads the event log afterwards knows what has to be there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

KEY = "script"
SUCCEED = "succeeded"


@dataclass(frozen=True)
class Script:
    """`end` is how the job ends: `succeeded`, or a failure class that is not tried again, after step `end_at`.

    Attempts 1 to `deaths` are killed after step `end_at` instead, which the platform has to make good.
    """

    steps: int = 10
    step_s: float = 0.05
    save_every: int = 0
    end: str = SUCCEED
    end_at: int = 0
    deaths: int = 0

    def dies(self, attempt: int, step: int) -> bool:
        return attempt <= self.deaths and step >= self.end_at

    def fails(self, step: int) -> bool:
        return self.end != SUCCEED and step >= self.end_at

    def saves(self, step: int) -> bool:
        return self.save_every > 0 and step % self.save_every == 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, hyperparameters: Mapping[str, Any]) -> Script:
        """The script in a job's hyperparameters; the default one when there is none."""
        return cls(**hyperparameters.get(KEY, {}))


def log_line(step: int, rank: int) -> str:
    return f"step {step} of rank {rank}\n"


def values_at(step: int) -> dict[str, float]:
    return {"loss": 1.0 / (1 + step)}


def metrics_record(step: int, at: float) -> bytes:
    return _line({"kind": "metrics", "at": at, "step": step, "values": values_at(step)})


def checkpoint_record(job_id: str, attempt: int, step: int, at: float) -> bytes:
    """Says that a checkpoint was saved; simulated ones have no object behind them, and nobody reads it."""
    key = f"checkpoints/{job_id}/{attempt}-{step}.safetensors"
    return _line({"kind": "checkpoint", "at": at, "step": step, "key": key, "sha256": "0" * 64, "bytes": 0})


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"
