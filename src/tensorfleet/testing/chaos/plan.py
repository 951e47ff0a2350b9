"""What a run does, drawn from its seed before it begins: the jobs, how each has to end, and the faults between them.

Faults are placed by progress (so many jobs have ended), not by the clock, so that a slow machine meets them at the same jobs.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from tensorfleet.testing.simulation.script import KEY, SUCCEED, Script

FAULTS = ("kill", "stall", "cut", "slow", "duplicate", "late", "database")
GPUS_PER_SIMULATED_SLOT = 16
"""Simulated jobs ask for as many GPUs, so that no real machine is given one; real ones ask for memory, which others lack."""
RETRIES = 100
ENTRYPOINT = "own_code.py"


@dataclass(frozen=True)
class Options:
    jobs: int = 100
    seed: int = 7
    real: int = 1
    simulated: int = 4
    faults: tuple[str, ...] = FAULTS
    lease_s: float = 3.0

    @property
    def real_jobs(self) -> int:
        if not self.real or not self.simulated:
            return self.jobs if self.real else 0
        return max(1, self.jobs // 8)


@dataclass(frozen=True)
class JobPlan:
    """One job: its script and what a user does to it meanwhile (`cancel`, `pause`, or nothing)."""

    name: str
    real: bool
    workers: int
    script: Script
    action: str = ""

    @property
    def right_ends(self) -> frozenset[str]:
        """A job that is cancelled may have ended before that was asked."""
        scripted = "completed" if self.script.end == SUCCEED else "failed"
        return frozenset({scripted, "cancelled"} if self.action == "cancel" else {scripted})

    def spec(self, code_digest: str) -> dict[str, Any]:
        resources: dict[str, Any] = {"workers": self.workers, "cpus": 0.5}
        resources |= {"memory": "1GiB"} if self.real else {"gpus": GPUS_PER_SIMULATED_SLOT}
        return {
            "name": self.name,
            "entrypoint": ENTRYPOINT,
            "code": {"digest": code_digest},
            "hyperparameters": {KEY: self.script.to_dict()},
            "resources": resources,
            "retries": RETRIES,
            "idempotency_key": self.name,
        }


@dataclass(frozen=True)
class Fault:
    """`pick` chooses among several targets of a kind; `seconds` is how long it lasts."""

    number: int
    at: int
    kind: str
    target: str
    seconds: float
    pick: int


@dataclass(frozen=True)
class Plan:
    options: Options
    jobs: tuple[JobPlan, ...]
    faults: tuple[Fault, ...]


def make_plan(options: Options) -> Plan:
    """Equal options make equal plans."""
    rng = random.Random(options.seed)  # noqa: S311 - a plan, not a secret
    real = set(rng.sample(range(options.jobs), options.real_jobs))
    jobs = tuple(_job(rng, number, number in real) for number in range(options.jobs))
    return Plan(options, jobs, _faults(rng, options))


def _job(rng: random.Random, number: int, real: bool) -> JobPlan:
    steps = rng.randint(5, 25)
    end = rng.choice(("user_error", "out_of_memory", "data")) if rng.random() < 0.12 else SUCCEED
    deaths = rng.choice((1, 1, 2)) if rng.random() < 0.15 else 0
    script = Script(
        steps=steps,
        step_s=round(rng.uniform(0.01, 0.08), 3),
        save_every=rng.choice((0, 2, 5)),
        end=end,
        end_at=rng.randint(0, steps - 1),
        deaths=deaths,
    )
    action = rng.choices(("", "cancel", "pause"), (0.88, 0.06, 0.06))[0]
    workers = 2 if rng.random() < 0.2 else 1
    return JobPlan(f"chaos-{number:05d}", real, workers, script, action)


def _targets(options: Options) -> list[tuple[str, str]]:
    """Every pair of fault and target that this run can have."""
    real = ("agent", "template", "task", "monitor") if options.real else ()
    simulated = ("simulated",) if options.simulated else ()
    by_kind = {
        "kill": ("orchestrator", "gateway", *real, *simulated),
        "stall": (
            "orchestrator",
            "gateway",
            *(name for name in real if name in ("agent", "task")),
            *simulated,
        ),
        "cut": ("links", *simulated),
        "slow": ("links", *simulated),
        "database": ("database",),
    }
    return [(kind, target) for kind in options.faults for target in by_kind.get(kind, ())]


def _faults(rng: random.Random, options: Options) -> tuple[Fault, ...]:
    """Each pair in turn, in an order drawn anew each time round, spread over the run."""
    pairs = _targets(options)
    if not pairs:
        return ()
    count = max(len(pairs), min(options.jobs // 8, 40 + options.jobs // 100))
    drawn: list[tuple[str, str]] = []
    while len(drawn) < count:
        drawn += rng.sample(pairs, len(pairs))
    return tuple(
        Fault(
            number=number,
            at=round(options.jobs * 0.95 * (number + 1) / (count + 1)),
            kind=kind,
            target=target,
            seconds=_seconds(rng, kind, options.lease_s),
            pick=rng.randrange(1 << 16),
        )
        for number, (kind, target) in enumerate(drawn[:count])
    )


def _seconds(rng: random.Random, kind: str, lease_s: float) -> float:
    """Some stalls are shorter than a lease, some longer."""
    longest = {"stall": 1.7 * lease_s, "slow": lease_s, "database": 1.5 * lease_s}.get(kind, 0.0)
    return round(rng.uniform(0.1 * longest, longest), 2)
