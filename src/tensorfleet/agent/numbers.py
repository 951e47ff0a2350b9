"""What an agent shows at its metrics port: the machine, and the tasks that it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tensorfleet import __version__
from tensorfleet.agent.agent import Agent
from tensorfleet.agent.config import AgentConfig
from tensorfleet.agent.stats import machine_stats
from tensorfleet.kit.exposition import MetricsServer, new_registry

_GAUGES = {
    "cpu_percent": ("cpu_percent", "CPU in use since the last scrape, 0 to 100."),
    "memory_used_bytes": ("memory_used_bytes", "Memory in use."),
    "disk_free_bytes": ("disk_free_bytes", "Free disk where the agent works."),
    "disk_total_bytes": ("disk_total_bytes", "Size of that disk."),
}


class Machine(Collector):
    """Asks the machine when it is scraped, always by the same thread: psutil counts CPU from a thread's last call."""

    def __init__(
        self,
        folder: Path,
        min_free_disk_bytes: int,
        tasks: Callable[[], Iterable[bool]],
        attached: Callable[[], bool],
    ) -> None:
        """`tasks`: for each task that is held whether it runs; others wait to be delivered."""
        self._folder = folder
        self._min_free_disk_bytes = min_free_disk_bytes
        self._tasks = tasks
        self._attached = attached

    def collect(self) -> Iterator[Metric]:
        stats = machine_stats(self._folder, self._min_free_disk_bytes)
        for name, (key, about) in _GAUGES.items():
            if key in stats:
                yield GaugeMetricFamily(f"tensorfleet_agent_{name}", about, value=stats[key])
        total = psutil.virtual_memory().total
        yield GaugeMetricFamily("tensorfleet_agent_memory_total_bytes", "Memory of the machine.", value=total)
        yield from _gpus(stats["gpus"])
        yield from _transfers()
        held = list(self._tasks())
        tasks = GaugeMetricFamily("tensorfleet_agent_tasks", "Tasks that it holds.", labels=["state"])
        tasks.add_metric(["running"], sum(held))
        tasks.add_metric(["ended"], len(held) - sum(held))
        yield tasks
        yield GaugeMetricFamily(
            "tensorfleet_agent_attached", "1 while an orchestrator answers.", value=float(self._attached())
        )


def _gpus(gpus: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    used = GaugeMetricFamily("tensorfleet_agent_gpu_memory_used_bytes", "Of each GPU.", labels=["gpu"])
    busy = GaugeMetricFamily("tensorfleet_agent_gpu_percent", "How busy each GPU is.", labels=["gpu"])
    for number, gpu in enumerate(gpus):
        used.add_metric([str(number)], gpu["memory_used_bytes"])
        busy.add_metric([str(number)], gpu["utilisation_percent"])
    yield from (used, busy)


def _transfers() -> Iterator[Metric]:
    """Of the whole machine; nothing where it does not count them."""
    disk, network = psutil.disk_io_counters(), psutil.net_io_counters()
    for name, about, value in (
        ("disk_read_bytes", "Read from disks.", disk and disk.read_bytes),
        ("disk_written_bytes", "Written to disks.", disk and disk.write_bytes),
        ("network_received_bytes", "Received by all interfaces.", network and network.bytes_recv),
        ("network_sent_bytes", "Sent by all interfaces.", network and network.bytes_sent),
    ):
        if value is not None:
            yield CounterMetricFamily(f"tensorfleet_agent_{name}", about, value=value)


def serve(agent: Agent, config: AgentConfig) -> MetricsServer:
    registry = new_registry("agent", __version__)
    registry.register(
        Machine(
            Path(config.work_dir),
            config.min_free_disk_bytes,
            lambda: [task.running for task in list(agent.tasks)],
            lambda: agent.attached,
        )
    )
    return MetricsServer(registry, config.metrics, config.metrics_token or config.token)
