"""A fleet that is scaled beside one of a fixed size, on bursty days: idle worker time at the same median wait.

The scheduler and the autoscaler's policy are the production code; time is simulated.  A worker counts from the moment in which it
is asked for, so the minute that its start takes is idle time too.
"""

from __future__ import annotations

import math
import statistics
import sys
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from benchmarks.report import table, write
from benchmarks.scheduler_simulation import BEGIN, Result, Simulation, fleet_of
from benchmarks.scheduler_traces import HOUR, Trace, TraceJob
from tensorfleet.fleet.ports import Launched, LaunchState, WorkerType
from tensorfleet.scaling.model import Awaited, FleetView, Limits, Memory
from tensorfleet.scaling.policy import decide
from tensorfleet.scheduling.model import Snapshot, WorkerView
from tensorfleet.scheduling.scheduler import schedule

DAY_S = 24 * HOUR
SLOTS = 4
FIXED = 12
CHEAP = 4
"""A fixed fleet that costs about as much as the scaled one."""
MAXIMA = range(FIXED, 2 * FIXED + 1)
JOINS_S = 60.0
LOOK_S = 10.0
DAYS = 5
GIB = 1024**3
KIND = WorkerType("node", SLOTS, cpus=SLOTS, gpus=SLOTS, memory_bytes=64 * GIB)


def bursty_day(seed: int) -> Trace:
    """Eight bursts of some 60 jobs within a quarter of an hour, and a trickle between them."""
    random = Random(seed)
    jobs = [_job(random, random.uniform(0, DAY_S - HOUR)) for _ in range(80)]
    for _ in range(8):
        begin_s = random.uniform(0, DAY_S - 2 * HOUR)
        jobs += [_job(random, begin_s + random.expovariate(1 / 300)) for _ in range(random.randint(45, 75))]
    jobs.sort(key=lambda job: job.at_s)
    return Trace("bursty", "a day of bursts", FIXED, SLOTS, tuple(jobs))


def _job(random: Random, at_s: float) -> TraceJob:
    workers = random.choices((1, 2, 4, 8), (60, 20, 15, 5))[0]
    run_s = min(2 * HOUR, max(20.0, random.lognormvariate(math.log(420), 1.0)))
    timeout_s = run_s * 3 if random.random() < 0.6 else None
    return TraceJob(at_s, "default", workers, workers, 1, 1, run_s, timeout_s, random.random() < 0.8)


@dataclass
class Bill:
    """Seconds of slots and of workers that somebody pays for, and of those in which they do nothing."""

    slots: float = 0.0
    busy: float = 0.0
    workers: float = 0.0
    idle_workers: float = 0.0

    @property
    def idle_slots(self) -> float:
        return self.slots - self.busy


class Billed(Simulation):
    """The scheduler's simulation, with the time of workers counted until the end of the day."""

    def __init__(self, trace: Trace, snapshot: Snapshot) -> None:
        super().__init__(trace, schedule, snapshot)
        self.bill = Bill()
        self._billed_s = 0.0

    def _workers(self) -> int:
        return len(self._world.snapshot().workers)

    def _happen(self, kind: str, job_id: str, attempt: int) -> None:
        until_s = min(self._now_s, DAY_S)
        span_s, self._billed_s = until_s - self._billed_s, until_s
        busy = [w for job in self._world.running.values() for w in job.worker_ids]
        count = self._workers()
        self.bill.slots += span_s * count * SLOTS
        self.bill.busy += span_s * len(busy)
        self.bill.workers += span_s * count
        self.bill.idle_workers += span_s * (count - len(set(busy)))
        super()._happen(kind, job_id, attempt)


class Scaled(Billed):
    """The same on a fleet that the policy scales."""

    def __init__(self, trace: Trace, limits: Limits) -> None:
        super().__init__(trace, Snapshot(BEGIN, (), ()))
        self._limits = limits
        self._memory = Memory()
        self._agents: dict[str, bool] = {}
        """Whether they have joined."""
        self._drawn = 0
        self.most = 0
        for look in range(int(DAY_S / LOOK_S)):
            self._at(look * LOOK_S, "scale")

    def _workers(self) -> int:
        return len(self._agents)

    def _happen(self, kind: str, job_id: str, attempt: int) -> None:
        super()._happen(kind, job_id, attempt)
        if kind == "join":
            self._agents[job_id] = True
            room = (SLOTS, float(SLOTS), float(SLOTS), 64 * GIB)
            self._world._views[job_id] = WorkerView(job_id, *room, *room)
        elif kind == "scale":
            self._scale()

    def _scale(self) -> None:
        agents = tuple(
            Launched(w, KIND.name, LaunchState.UP if here else LaunchState.STARTING)
            for w, here in self._agents.items()
        )
        decision = decide(FleetView(self._world.snapshot(), agents), self._limits, self._memory)
        self._memory = decision.memory
        for _ in range(decision.starts.get(KIND.name, 0)):
            self._drawn += 1
            worker_id = f"n{self._drawn:05}"
            self._agents[worker_id] = False
            awaited = {**self._memory.awaited, worker_id: Awaited(KIND.name, self._world.now)}
            self._memory = replace(self._memory, awaited=awaited)
            self._at(self._now_s + JOINS_S, "join", worker_id)
        views = self._world._views
        for worker_id in (*decision.drains, *decision.keeps):
            draining = worker_id in decision.drains
            views[worker_id] = replace(views[worker_id], accepts=not draining, draining=draining)
        for worker_id in decision.releases:
            del self._agents[worker_id], views[worker_id]
        self.most = max(self.most, len(self._agents))


def limits(most: int) -> Limits:
    return Limits((KIND,), least=1, most=most, cool_down_s=120)


def figures(results: list[tuple[Result, Bill]]) -> dict[str, Any]:
    waits = sorted(wait for result, _ in results for wait in result.waits_s.values())
    hours = {
        name: sum(getattr(bill, name) for _, bill in results) / HOUR / len(results)
        for name in ("slots", "idle_slots", "workers", "idle_workers")
    }
    medians = [statistics.median(result.waits_s.values()) for result, _ in results]
    return {
        "jobs": len(waits),
        "median_wait_s": statistics.median(waits),
        "median_wait_by_day_s": medians,
        "p95_wait_s": waits[int(0.95 * len(waits))],
        **{f"{name}_hours_a_day": value for name, value in hours.items()},
    }


def fixed(traces: list[Trace], workers: int) -> dict[str, Any]:
    results = []
    for trace in traces:
        simulation = Billed(trace, fleet_of(replace(trace, nodes=workers)))
        simulation._at(DAY_S, "midnight")
        results.append((simulation.run(), simulation.bill))
    return figures(results)


def scaled(traces: list[Trace], most: int) -> dict[str, Any]:
    results = []
    for trace in traces:
        simulation = Scaled(trace, limits(most))
        simulation._at(DAY_S, "midnight")
        results.append((simulation.run(), simulation.bill))
    return figures(results)


def main() -> None:
    traces = [bursty_day(seed) for seed in range(1, DAYS + 1)]
    first = fixed(traces, FIXED)
    wait_s = first["median_wait_s"]
    found = {f"fixed, {FIXED} workers": first, f"fixed, {CHEAP} workers": fixed(traces, CHEAP)}
    for most in MAXIMA:
        found[f"scaled, 1 to {most}"] = scaled(traces, most)
        print(f"  1 to {most} done", file=sys.stderr, flush=True)
        if found[f"scaled, 1 to {most}"]["median_wait_s"] <= wait_s:
            break
    rows = [
        (
            name,
            f"{of['median_wait_s'] / 60:.1f}",
            f"{of['p95_wait_s'] / 60:.0f}",
            f"{of['workers_hours_a_day']:.0f}",
            f"{of['idle_workers_hours_a_day']:.0f}",
            f"{of['idle_slots_hours_a_day']:.0f}",
        )
        for name, of in found.items()
    ]
    head = ("a day", "median wait, min", "p95 wait, min", "worker hours", "idle", "idle slot hours")
    table(f"{DAYS} bursty days, {SLOTS} slots each, {JOINS_S:.0f} s to join", rows, head)
    last = list(found.values())[-1]
    saved = {
        name: 1 - last[f"{name}_hours_a_day"] / first[f"{name}_hours_a_day"]
        for name in ("idle_workers", "idle_slots")
    }
    print(
        f"\n  at a median wait of {last['median_wait_s'] / 60:.1f} min (fixed: {wait_s / 60:.1f} min): "
        f"{saved['idle_workers']:.0%} less idle worker time, {saved['idle_slots']:.0%} less idle slot time"
    )
    days = " ".join(
        f"{ours / 60:.1f}/{theirs / 60:.1f}"
        for ours, theirs in zip(last["median_wait_by_day_s"], first["median_wait_by_day_s"], strict=True)
    )
    print(f"  median wait by day, scaled/fixed, min: {days}")
    write("autoscaling", {"fleets": found, "saved": saved})


if __name__ == "__main__":
    main()
