"""The traces that the scheduler is compared on: `python -m benchmarks.scheduler_traces` writes them, always the same.

They are drawn from distributions, not recorded.  What is known of real clusters shapes them: run times have a heavy tail
(log-normal, a few jobs of many hours), gangs are powers of two, people come by day, most jobs are small but most of the time
is taken by large ones, and timeouts are round numbers well above the truth.  (Feitelson, "Workload Modeling", 2015; Jeon et al.,
"Analysis of Large-Scale Multi-Tenant GPU Clusters", 2019.)
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

FOLDER = Path(__file__).parent / "traces"
HOUR = 3600.0
ROUND_LIMITS = tuple(minutes * 60 for minutes in (5, 15, 30, 60, 120, 240, 480, 720, 1440, 2880))


@dataclass(frozen=True)
class TraceJob:
    """One job: when it comes, what it asks for, and (unknown to the scheduler) how long it runs with all its workers."""

    at_s: float
    workspace: str
    workers: int
    min_workers: int
    gpus: int
    priority: int
    run_s: float
    timeout_s: float | None
    tells_progress: bool


@dataclass(frozen=True)
class Trace:
    name: str
    about: str
    nodes: int
    slots: int
    """On each node; a slot has a CPU and a GPU."""
    jobs: tuple[TraceJob, ...]


@dataclass(frozen=True)
class Shape:
    """What a trace is drawn from."""

    name: str
    about: str
    nodes: int
    slots: int
    hours: float
    load: float
    """The work that comes, as a part of what the fleet can do."""
    gangs: dict[int, float]
    median_s: float
    sigma: float
    day: float = 0.0
    """How much more comes at noon than on average, from 0 to 1."""
    workspaces: tuple[tuple[str, float], ...] = (("research", 0.6), ("product", 0.4))
    elastic: float = 0.1
    urgent: float = 0.0
    seed: int = 1


SHAPES = (
    Shape(
        "daily", "two days of a team of three workspaces: busy by day, quiet by night, some urgent jobs",
        nodes=8, slots=8, hours=48, load=0.8, gangs={1: 50, 2: 20, 4: 15, 8: 10, 16: 4, 32: 1}, median_s=600,
        sigma=1.5, day=0.8, workspaces=(("research", 0.55), ("product", 0.25), ("students", 0.2)), urgent=0.05, seed=11,
    ),
    Shape(
        "gangs", "a day of large gangs between small jobs: the worst case for whoever keeps room free",
        nodes=8, slots=8, hours=24, load=0.9, gangs={1: 50, 4: 20, 16: 15, 32: 10, 48: 5}, median_s=500,
        sigma=1.2, seed=12,
    ),
    Shape(
        "saturated", "a day on which more comes than the fleet can do: the queue never empties",
        nodes=8, slots=8, hours=24, load=1.3, gangs={1: 45, 2: 20, 4: 15, 8: 12, 16: 6, 32: 2}, median_s=700,
        sigma=1.3, seed=13,
    ),
)  # fmt: skip


def draw(shape: Shape) -> Trace:
    random = Random(shape.seed)
    capacity = shape.nodes * shape.slots * shape.hours * HOUR
    jobs: list[TraceJob] = []
    work = 0.0
    while work < shape.load * capacity:
        job = _draw_job(shape, random)
        work += job.workers * job.run_s
        jobs.append(job)
    return Trace(
        shape.name, shape.about, shape.nodes, shape.slots, tuple(sorted(jobs, key=lambda job: job.at_s))
    )


def _draw_job(shape: Shape, random: Random) -> TraceJob:
    workers = random.choices(list(shape.gangs), list(shape.gangs.values()))[0]
    run_s = round(min(12 * HOUR, max(20.0, random.lognormvariate(math.log(shape.median_s), shape.sigma))), 1)
    names, weights = zip(*shape.workspaces, strict=True)
    elastic = workers >= 4 and random.random() < shape.elastic
    urgent = random.random() < shape.urgent
    return TraceJob(
        at_s=round(_draw_arrival(shape, random), 1),
        workspace=random.choices(names, weights)[0],
        workers=workers,
        min_workers=workers // 4 if elastic else workers,
        gpus=0 if workers == 1 and random.random() < 0.3 else 1,
        priority=0 if urgent else random.choices((1, 2), (0.85, 0.15))[0],
        run_s=run_s,
        timeout_s=_draw_limit(run_s, random) if random.random() < 0.6 else None,
        tells_progress=random.random() < 0.8,
    )


def _draw_arrival(shape: Shape, random: Random) -> float:
    """By rejection from a rate that swings with the day."""
    while True:
        at_s = random.uniform(0, shape.hours * HOUR)
        rate = 1 + shape.day * math.sin(2 * math.pi * (at_s / HOUR - 6) / 24)
        if random.uniform(0, 1 + shape.day) < rate:
            return at_s


def _draw_limit(run_s: float, random: Random) -> float:
    """People ask for a round number, between a little and many times what they need."""
    wanted = run_s * random.uniform(1.1, 5.0)
    return float(next((limit for limit in ROUND_LIMITS if limit >= wanted), math.ceil(wanted / HOUR) * HOUR))


def load(name: str) -> Trace:
    data: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    jobs = tuple(TraceJob(**dict(zip(data["columns"], row, strict=True))) for row in data.pop("jobs"))
    del data["columns"]
    return Trace(jobs=jobs, **data)


def save(trace: Trace) -> None:
    rows = [list(asdict(job).values()) for job in trace.jobs]
    head = {"name": trace.name, "about": trace.about, "nodes": trace.nodes, "slots": trace.slots}
    text = json.dumps({**head, "columns": list(asdict(trace.jobs[0]))}, indent=2)[:-2]
    lines = ",\n".join("    " + json.dumps(row) for row in rows)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{trace.name}.json").write_text(f'{text},\n  "jobs": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    for shape in SHAPES:
        save(draw(shape))
