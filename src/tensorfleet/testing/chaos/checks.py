"""What has to hold for each job once everything has ended.  Pure: values in, sentences out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tensorfleet.testing.chaos.plan import JobPlan
from tensorfleet.testing.chaos.trace import JobTrace, RankTrace
from tensorfleet.testing.simulation.script import values_at

ENDS = ("job.completed", "job.failed", "job.cancelled")


@dataclass(frozen=True)
class Ended:
    """A job as it is stored after the run."""

    id: str
    status: str
    attempt: int
    failure_class: str | None


@dataclass(frozen=True)
class LeaseSpan:
    """One lease of one rank: from when to when it was in force."""

    token: int
    worker_id: str
    attempt: int
    rank: int
    task_status: str
    granted_at: datetime
    released_at: datetime | None


@dataclass(frozen=True)
class Problem:
    """A check that did not hold."""

    job: str
    check: str
    detail: str


def check_job(plan: JobPlan, job: Ended, trace: JobTrace, leases: Sequence[LeaseSpan]) -> list[Problem]:
    """Everything that is wrong with one job."""
    checks = (
        ("one right end", _end(plan, job, trace)),
        ("attempts in order", _order(plan, job, trace)),
        ("logs and metrics whole", _deliveries(plan, job, trace)),
        ("resumed from a checkpoint", _resumes(trace)),
        ("leases", _leases(plan, leases)),
    )
    return [Problem(plan.name, check, detail) for check, details in checks for detail in details]


def _end(plan: JobPlan, job: Ended, trace: JobTrace) -> Iterator[str]:
    if job.status not in plan.right_ends:
        yield f"it is {job.status}, and has to be {' or '.join(sorted(plan.right_ends))}"
    if job.status == "failed" and job.failure_class != plan.script.end:
        yield f"it failed with {job.failure_class}, and the script says {plan.script.end}"
    ends = [kind for kind, _ in trace.lifecycle if kind in ENDS]
    if ends != [f"job.{job.status}"]:
        yield f"it has the ends {ends}, and is {job.status}"
    elif trace.lifecycle[-1][0] != ends[0]:
        yield f"after its end there is {trace.lifecycle[-1][0]}"


def _order(plan: JobPlan, job: Ended, trace: JobTrace) -> Iterator[str]:
    if not trace.lifecycle or trace.lifecycle[0][0] != "job.submitted":
        yield "its log does not begin with its submission"
    started = trace.attempts("job.started")
    if started != list(range(1, job.attempt + 1)):
        yield f"attempts began as {started}, and it has had {job.attempt}"
    open_attempt = 0
    for kind, data in trace.lifecycle:
        if kind == "job.started":
            if open_attempt:
                yield f"attempt {data['attempt']} began before attempt {open_attempt} was over"
            open_attempt = data["attempt"]
        elif kind in ("job.requeued", "job.paused", "job.resumed", *ENDS):
            open_attempt = 0
        elif kind.startswith("task.") and data["attempt"] != open_attempt:
            yield f"{kind} of attempt {data['attempt']} came when attempt {open_attempt} was under way"
    for attempt in started:
        for kind in ("task.started", "task.finished"):
            ranks = [d["rank"] for k, d in trace.lifecycle if k == kind and d["attempt"] == attempt]
            if len(ranks) != len(set(ranks)) or (kind == "task.finished" and len(ranks) != plan.workers):
                yield f"{kind} in attempt {attempt} for ranks {ranks}, of {plan.workers}"


def _deliveries(plan: JobPlan, job: Ended, trace: JobTrace) -> Iterator[str]:
    for (attempt, rank), found in sorted(trace.ranks.items()):
        where = f"attempt {attempt}, rank {rank}"
        yield from (f"{where}: {gap}" for gap in found.gaps)
        yield from (f"{where}: {what}" for what in _steps(found, rank))
    if job.status != "completed":
        return
    whole = list(range(1, plan.script.steps + 1))
    points = {step for (_, rank), found in trace.ranks.items() if rank == 0 for step, _ in found.points}
    lines = {step for (_, rank), found in trace.ranks.items() if rank == 0 for step in found.lines(0)}
    for name, steps in (("metrics", points), ("log lines", lines)):
        if sorted(steps) != whole:
            yield f"{name} of steps {sorted(set(whole) - steps)} are missing, {sorted(steps - set(whole))} too many"
    for rank in range(plan.workers):
        last = trace.ranks.get((job.attempt, rank), RankTrace()).lines(rank)
        if last and last[-1] != plan.script.steps:
            yield f"rank {rank} completed, and its last line is that of step {last[-1]} of {plan.script.steps}"


def _steps(found: RankTrace, rank: int) -> Iterator[str]:
    """Each step once, one after the other, with the right value."""
    lines, points = found.lines(rank), [step for step, _ in found.points]
    for name, steps in (("log lines", lines), ("metrics", points)):
        if steps and steps != list(range(steps[0], steps[0] + len(steps))):
            yield f"{name} of steps {steps}"
    if lines and points and lines[0] != points[0]:
        yield f"the log begins with step {lines[0]}, the metrics with step {points[0]}"
    wrong = [step for step, values in found.points if values != values_at(step)]
    if wrong:
        yield f"metrics of steps {wrong} have wrong values"


def _resumes(trace: JobTrace) -> Iterator[str]:
    """An attempt begins anew, or with the step after a checkpoint of an earlier one."""
    for (attempt, rank), found in sorted(trace.ranks.items()):
        steps = found.lines(rank)
        saved = {step for made_in, step in trace.checkpoints if made_in < attempt}
        if steps and steps[0] - 1 not in saved | {0}:
            yield f"attempt {attempt}, rank {rank} began with step {steps[0]}; checkpoints were at {sorted(saved)}"


def _leases(plan: JobPlan, leases: Sequence[LeaseSpan]) -> Iterator[str]:
    live = [lease.token for lease in leases if lease.released_at is None]
    if live:
        yield f"leases {live} are still in force"
    running = [lease.token for lease in leases if lease.task_status in ("leased", "running")]
    if running:
        yield f"tasks of leases {running} have no end"
    ends: dict[int, datetime] = {}
    for lease in leases:
        if lease.released_at is not None:
            ends[lease.attempt] = max(ends.get(lease.attempt, lease.released_at), lease.released_at)
    for lease in leases:
        before = ends.get(lease.attempt - 1)
        if before is not None and lease.granted_at < before:
            yield f"lease {lease.token} of attempt {lease.attempt} was given before the attempt before it was over"


def check_slots(leases: Sequence[LeaseSpan], slots: dict[str, int]) -> list[Problem]:
    """At no moment has a worker had more leases than slots."""
    changes = []
    for lease in leases:
        changes.append((lease.granted_at, 1, lease.worker_id))
        if lease.released_at is not None:
            changes.append((lease.released_at, 0, lease.worker_id))
    held: dict[str, int] = {}
    most: dict[str, int] = {}
    for _, begins, worker in sorted(changes):  # at one instant, ends come before beginnings
        held[worker] = held.get(worker, 0) + (1 if begins else -1)
        most[worker] = max(most.get(worker, 0), held[worker])
    return [
        Problem("", "slots", f"worker {worker} had {count} leases at once, and has {slots[worker]} slots")
        for worker, count in sorted(most.items())
        if count > slots.get(worker, 0)
    ]
