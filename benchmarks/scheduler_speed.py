"""How much CPU time one decision, and one explanation, takes on a large fleet with a long queue."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from tensorfleet.scheduling.explain import explain
from tensorfleet.scheduling.model import Demand, RunningJob, Snapshot, WaitingJob, WorkerView
from tensorfleet.scheduling.scheduler import schedule

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ROUNDS = 15
GIB = 1024**3


def crowd(*, free: int, urgent: bool, known: bool) -> Snapshot:
    """100 workers of 10 slots of which `free` are not taken, and 10,000 waiting jobs."""
    random = Random(3)
    left = {f"w{i:03}": 10 for i in range(100)}
    running = []
    for i in range(1000 - free):
        worker_id = f"w{i % 100:03}"
        left[worker_id] -= 1
        started_at = NOW - timedelta(seconds=random.uniform(60, 5000))
        end = NOW + timedelta(seconds=random.uniform(1, 5000)) if known else None
        running.append(RunningJob(f"r{i}", f"team-{i % 5}", 1, 1, 1, Demand(), (worker_id,), started_at, end))
    priorities = (0, 1, 1, 1, 2) if urgent else (1, 1, 1, 1, 2)
    queue = tuple(_waiting(i, random, priorities) for i in range(10_000))
    workers = tuple(
        WorkerView(name, 10, 10.0, 0.0, 64 * GIB, slots, float(slots), 0.0, 64 * GIB)
        for name, slots in left.items()
    )
    return Snapshot(NOW, queue, workers, running=tuple(running))


def _waiting(number: int, random: Random, priorities: tuple[int, ...]) -> WaitingJob:
    size = random.choice((1, 1, 1, 2, 4, 8, 16))
    return WaitingJob(
        f"j{number:05}",
        random.choice(priorities),
        NOW - timedelta(seconds=random.uniform(1, 20_000)),
        size,
        size,
        workspace=f"team-{random.randrange(5)}",
        timeout_s=random.choice((None, 600.0, 3600.0)),
    )


def measure() -> dict[str, dict[str, float]]:
    full, some = crowd(free=0, urgent=False, known=True), crowd(free=5, urgent=False, known=True)
    held = replace(
        some, queue=(replace(some.queue[0], id="gang", workers=500, min_workers=500, priority=0), *some.queue)
    )
    urgent, unknown = crowd(free=0, urgent=True, known=True), crowd(free=5, urgent=False, known=False)
    last = max(full.queue, key=lambda job: (job.priority, job.queued_at)).id
    return {
        "decide: nothing free": _timed(lambda: schedule(full)),
        "decide: 5 slots free": _timed(lambda: schedule(some)),
        "decide: 5 slots free, reserved for a gang of 500": _timed(lambda: schedule(held)),
        "decide: nothing free, urgent jobs stop others": _timed(lambda: schedule(urgent)),
        "decide: 5 slots free, ends unknown": _timed(lambda: schedule(unknown)),
        "explain the last of 10,000": _timed(lambda: explain(full, last), rounds=3),
    }


def _timed(call: Callable[[], object], rounds: int = ROUNDS) -> dict[str, float]:
    spans = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        spans.append((time.process_time() - began) * 1000)
    return {"median_ms": statistics.median(spans), "worst_ms": max(spans)}
