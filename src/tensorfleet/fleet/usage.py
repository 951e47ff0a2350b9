"""How busy workers and their GPUs are over time: what is kept of a look at the fleet, and at which grain it is read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tensorfleet.fleet.model import Worker, WorkerState

FINE_S, COARSE_S = 30, 600
FINE_KEPT = timedelta(days=1)
MACHINE = -1
"""In place of the number of a GPU."""
ALL = ""
"""In place of a worker's id: the fleet as a whole."""
MOST_GPUS = 64


@dataclass(frozen=True)
class Sample:
    """One worker, one of its GPUs, or the fleet, at one moment; `load` and `memory` in percent."""

    worker_id: str
    gpu: int = MACHINE
    load: float = 0.0
    memory: float = 0.0
    slots: float = 0.0
    busy: float = 0.0
    queued: float = 0.0
    workers: float = 0.0


def samples_of(workers: Sequence[Worker], busy: Mapping[str, int], queued: int) -> list[Sample]:
    """The fleet, and of each worker that is there itself and its GPUs; `busy`: how many leases a worker holds."""
    here = [worker for worker in workers if worker.state is not WorkerState.LOST]
    machines = [_machine(worker, busy.get(worker.id, 0)) for worker in here]
    count = max(len(here), 1)
    fleet = Sample(
        ALL,
        load=sum(one.load for one in machines) / count,
        memory=sum(one.memory for one in machines) / count,
        slots=sum(one.slots for one in machines),
        busy=sum(one.busy for one in machines),
        queued=float(queued),
        workers=float(len(here)),
    )
    return [fleet, *machines, *(gpu for worker in here for gpu in _gpus(worker))]


def _machine(worker: Worker, busy: int) -> Sample:
    load, memory = (_percent(worker.stats.get(key)) for key in ("cpu_percent", "memory_percent"))
    return Sample(worker.id, MACHINE, load, memory, float(worker.slots), float(busy))


def _gpus(worker: Worker) -> list[Sample]:
    told = worker.stats.get("gpus")
    found = []
    for number, gpu in enumerate(told[:MOST_GPUS] if isinstance(told, list) else ()):
        if isinstance(gpu, dict):
            memory = 100 * _number(gpu.get("memory_used_bytes")) / max(_number(gpu.get("memory_bytes")), 1.0)
            found.append(
                Sample(worker.id, number, _percent(gpu.get("utilisation_percent")), _percent(memory))
            )
    return found


def _percent(value: Any) -> float:
    return min(max(_number(value), 0.0), 100.0)


def _number(value: Any) -> float:
    """What an agent tells may be anything."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if number else 0.0


@dataclass(frozen=True)
class Window:
    """A stretch of time in steps; `span_s`: of which grain the rows are that it is read from."""

    begin: datetime
    end: datetime
    step_s: int
    span_s: int


def window_of(now: datetime, hours: float, points: int) -> Window:
    """The last `hours` in about `points` steps of whole rows, at most one more."""
    length = timedelta(hours=hours)
    span_s = FINE_S if length <= FINE_KEPT else COARSE_S
    step_s = span_s * max(1, math.ceil(length.total_seconds() / points / span_s))
    begin = math.floor((now - length).timestamp() / step_s) * step_s
    return Window(datetime.fromtimestamp(begin, now.tzinfo), now, step_s, span_s)
