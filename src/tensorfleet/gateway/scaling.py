"""The autoscaler's signal among the metrics: absent, not zero, when it is not known."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tensorfleet.errors import TensorFleetError
from tensorfleet.fleet.scaling_endpoints import Signals

_GAUGES = {
    "desired_workers": "Workers that load and queue ask for, within the limits.",
    "workers": "Workers that are here.",
    "load": "Part of the slots that is in use, 0 to 1.",
    "queue": "Jobs that wait for workers which they could get.",
}


class SignalCollector(Collector):
    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    def collect(self) -> Iterator[Metric]:
        try:
            signal = self._signals.read()
        except TensorFleetError:
            return
        for name, about in _GAUGES.items():
            yield GaugeMetricFamily(f"tensorfleet_fleet_{name}", about, value=signal[name])
