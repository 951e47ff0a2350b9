"""When a job saves, and which metric says that a checkpoint is good."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tensorfleet.training.retention import Limits

_LOWER_IS_BETTER = ("loss", "error", "rmse", "mse", "mae", "perplexity")


@dataclass(frozen=True)
class CheckpointPolicy:
    """The job file's `checkpoint`."""

    every_epochs: int | None = 1
    every_steps: int | None = None
    every_minutes: float | None = None
    keep_last: int = 2
    keep_best: int = 1
    metric: str | None = None
    mode: str | None = None
    max_bytes: int | None = None

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> CheckpointPolicy:
        """The policy in a job's spec; fields that are not there have their defaults."""
        given = spec.get("checkpoint") or {}
        return cls(**{name: given[name] for name in cls.__dataclass_fields__ if name in given})

    def after_epoch(self, epoch: int) -> bool:
        return self.every_epochs is not None and epoch % self.every_epochs == 0

    def after_step(self, step: int) -> bool:
        return self.every_steps is not None and step % self.every_steps == 0

    def watched(self, values: Mapping[str, float]) -> float | None:
        """The value that says how good a checkpoint is: of `metric`, else of the loss, else of the accuracy."""
        name = self._metric(values)
        return None if name is None else values.get(name)

    def limits(self, values: Mapping[str, float]) -> Limits:
        """`values` are the metrics reported so far: from their names follows which way is better."""
        name = self._metric(values) or ""
        lower = any(word in name.lower() for word in _LOWER_IS_BETTER)
        if self.mode is not None:
            lower = self.mode == "min"
        return Limits(self.keep_last, self.keep_best, lower, self.max_bytes)

    def _metric(self, values: Mapping[str, float]) -> str | None:
        if self.metric is not None:
            return self.metric
        return next((name for name in ("loss", "accuracy") if name in values), None)


class Timer:
    """Says when `every_minutes` have passed since the last save; never when that is None."""

    def __init__(self, minutes: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = None if minutes is None else minutes * 60
        self._clock = clock
        self._since = clock()

    def due(self) -> bool:
        return self._seconds is not None and self._clock() - self._since >= self._seconds

    def reset(self) -> None:
        self._since = self._clock()
