"""How the objectives stand and how fast their budgets burn, for Prometheus; absent while the database is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tensorfleet.errors import TensorFleetError
from tensorfleet.sla.model import Standing
from tensorfleet.sla.service import Burn

FRESH_S = 30.0
"""Scraped more often, the database is not asked more often."""
_LABELS = ["objective", "workspace"]
_Burning = list[tuple[str | None, Standing, Burn]]


class SloCollector(Collector):
    """`workspace` is empty for what is promised to all."""

    def __init__(
        self, burning: Callable[[], _Burning], clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._burning = burning
        self._clock_s = clock_s
        self._read_at: float | None = None
        self._read: _Burning = []
        self.away = False
        """While it is, the database is not asked: a scrape has to come to its end."""

    def collect(self) -> Iterator[Metric]:
        if self.away:
            return
        now = self._clock_s()
        if self._read_at is None or now - self._read_at >= FRESH_S:
            try:
                self._read, self._read_at = self._burning(), now
            except TensorFleetError:
                return  # what the parts of the platform are tells that the database is away
        yield from _families(self._read)


def _families(found: _Burning) -> Iterator[Metric]:
    target = GaugeMetricFamily(
        "tensorfleet_slo_target_ratio", "The share that has to be good.", labels=_LABELS
    )
    reached = GaugeMetricFamily(
        "tensorfleet_slo_reached_ratio", "The share that was, this month.", labels=_LABELS
    )
    left = GaugeMetricFamily(
        "tensorfleet_slo_budget_left_ratio",
        "The part of the month's error budget that is left; below zero when it is overspent.",
        labels=_LABELS,
    )
    burn = GaugeMetricFamily(
        "tensorfleet_slo_burn_rate",
        "How many times faster than allowed the error budget is used, by window.",
        labels=[*_LABELS, "window"],
    )
    for workspace, standing, rates in found:
        labels = [standing.objective.name.value, workspace or ""]
        target.add_metric(labels, standing.objective.target)
        left.add_metric(labels, standing.budget_left)
        if standing.tally.share is not None:
            reached.add_metric(labels, standing.tally.share)
        for window, rate in rates.items():
            if rate is not None:
                burn.add_metric([*labels, window], rate)
    yield from (target, reached, left, burn)
