"""Ranges as Optuna knows them."""

from __future__ import annotations

import json
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tensorfleet.tuning.space import Choice, FloatRange, Range


def distribution_of(one: Range) -> BaseDistribution:
    if isinstance(one, Choice):
        return CategoricalDistribution(one.labels())
    if isinstance(one, FloatRange):
        return FloatDistribution(one.low, one.high, log=one.log, step=one.step)
    return IntDistribution(one.low, one.high, log=one.log, step=one.step)


def inward(value: Any) -> Any:
    """A hyperparameter as the sampler keeps it: see `Choice.labels`."""
    return json.dumps(value) if isinstance(value, list | dict) else value
