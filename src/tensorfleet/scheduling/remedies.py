"""Candidates for the change that would start a job: one small generator for each kind, the cheapest for its owner first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import floor

from tensorfleet.scheduling.changes import apply
from tensorfleet.scheduling.model import (
    Change,
    ChangeKind,
    Demand,
    Quota,
    RunningJob,
    Snapshot,
    WaitingJob,
    WorkerView,
)
from tensorfleet.scheduling.room import RoomFor, times
from tensorfleet.scheduling.scheduler import OF_QUOTA, Pass, Refusal

MOST_ENDS = 16
"""So many running jobs are tried for `end_job`."""
MOST_WORKERS = 1 << 13
MIB = 1024**2


@dataclass(frozen=True)
class Question:
    """A job that waits, the pass up to its turn, and what it was refused for."""

    snapshot: Snapshot
    job: WaitingJob
    run: Pass
    refusal: Refusal


def wait(question: Question) -> Change:
    until = question.job.not_before or question.snapshot.now
    wait_s = (until - question.snapshot.now).total_seconds()
    return Change(ChangeKind.WAIT_UNTIL, f"wait {wait_s:.1f} s", until=until)


def raise_budget(question: Question) -> Change:
    name = f"budgets.{question.job.workspace}.monthly"
    return Change(ChangeKind.RAISE_BUDGET, f"raise {name} in tensorfleet.yaml, or wait for the next month")


def raise_quota(question: Question) -> Iterator[Change]:
    """Enough for what the workspace runs and for this job; then also for its jobs that were refused before it."""
    job = question.job
    mine = (job.demand, job.min_workers)
    yield _raised(question, [mine])
    refused = [
        other for other in question.run.over_quota if other.workspace == job.workspace and other != job
    ]
    if refused:
        yield _raised(question, [mine, *((other.demand, other.workers) for other in refused)])


def _raised(question: Question, more: list[tuple[Demand, int]]) -> Change:
    workspace = question.job.workspace
    slots, cpus, gpus, memory = question.run.shares.used(workspace)
    for demand, count in more:
        slots += count
        cpus += count * demand.cpus
        gpus += count * demand.gpus
        memory += count * demand.memory_bytes
    old = question.run.shares.quota(workspace)
    new = Quota(
        slots=None if old.slots is None else max(old.slots, int(slots)),
        cpus=None if old.cpus is None else max(old.cpus, cpus),
        gpus=None if old.gpus is None else max(old.gpus, gpus),
        memory_bytes=None if old.memory_bytes is None else max(old.memory_bytes, int(memory)),
        weight=old.weight,
    )
    named = (
        ("slots", old.slots, new.slots),
        ("cpus", old.cpus, new.cpus),
        ("gpus", old.gpus, new.gpus),
        ("GiB of memory", in_gib(old.memory_bytes), in_gib(new.memory_bytes)),
    )
    parts = [f"{after:.6g} {name}" for name, before, after in named if after is not None and after != before]
    sentence = f"raise the quota of workspace {workspace} to {' and '.join(parts)}"
    return Change(ChangeKind.RAISE_QUOTA, sentence, quota=new)


def lower_workers(question: Question) -> Iterator[Change]:
    count = question.refusal.count
    if 0 < count < question.job.min_workers:
        ask = "ask for" if question.job.min_workers == question.job.workers else "set min_workers to"
        sentence = f"{ask} {count}" if ask.startswith("set") else f"ask for {_workers(count)}"
        yield Change(ChangeKind.LOWER_WORKERS, sentence, workers=count)


def set_timeout(question: Question) -> Iterator[Change]:
    reservation = question.run.reservation
    if reservation is None or reservation.at is None:
        return
    seconds = floor((reservation.at - question.snapshot.now).total_seconds())
    if seconds >= 1:
        why = f"it then surely ends before job {reservation.job.id} is to start"
        yield Change(
            ChangeKind.SET_TIMEOUT, f"set its timeout to {seconds} s: {why}", timeout_s=float(seconds)
        )


def lower_demand(question: Question) -> Iterator[Change]:
    """One resource at a time, to the largest amount with which all its workers find room."""
    demand, needed = question.job.demand, question.job.min_workers
    free = [question.run.free.amounts(worker_id) for worker_id in question.run.views]
    for place, resource in ((2, "gpus"), (3, "memory_bytes"), (1, "cpus")):
        asked = float(getattr(demand, resource))
        step, least = _GRAIN[resource]
        amounts = {floor(amounts[place] / n / step) * step for amounts in free for n in range(1, needed + 1)}
        for amount in sorted((a for a in {*amounts, least} if least <= a < asked), reverse=True):
            lower = _LOWERED[resource](demand, amount)
            if sum(times(lower, *amounts_of) for amounts_of in free) >= needed:
                sentence = f"ask for {_SAID[resource](amount)} per worker"
                yield Change(ChangeKind.LOWER_DEMAND, sentence, demand=lower)
                break


_GRAIN = {"gpus": (1.0, 0.0), "memory_bytes": (float(MIB), 0.0), "cpus": (0.25, 0.25)}
"""In which steps a resource is asked for, and the least of it."""
_LOWERED: Mapping[str, Callable[[Demand, float], Demand]] = {
    "gpus": lambda demand, amount: replace(demand, gpus=amount),
    "memory_bytes": lambda demand, amount: replace(demand, memory_bytes=int(amount)),
    "cpus": lambda demand, amount: replace(demand, cpus=amount),
}
_SAID: Mapping[str, Callable[[float], str]] = {
    "gpus": lambda amount: f"{amount:g} GPUs" if amount else "no GPU",
    "memory_bytes": lambda amount: f"{amount / MIB:.0f}MiB of memory" if amount else "no fixed memory",
    "cpus": lambda amount: f"{amount:g} CPUs",
}


def undrain(question: Question) -> Iterator[Change]:
    draining = [
        view
        for view in question.snapshot.workers
        if view.draining and not view.low_disk and not view.quarantine
    ]
    yield from _taken_back(
        ChangeKind.UNDRAIN, draining, "end the drain of {}: `tensorfleet workers drain WORKER --undo`"
    )


def free_disk(question: Question) -> Iterator[Change]:
    full = [
        view
        for view in question.snapshot.workers
        if view.low_disk and not view.draining and not view.quarantine
    ]
    yield from _taken_back(ChangeKind.FREE_DISK, full, "make room on the disk of {}")


def release(question: Question) -> Iterator[Change]:
    held = [
        view
        for view in question.snapshot.workers
        if view.quarantine and not view.draining and not view.low_disk
    ]
    mend = "mend {} and have it looked at again: `tensorfleet workers check WORKER`"
    end = "end the quarantine of {}: `tensorfleet workers release WORKER`"
    yield from _taken_back(ChangeKind.RELEASE, held, end if all(view.kept for view in held) else mend)


def _taken_back(kind: ChangeKind, views: list[WorkerView], sentence: str) -> Iterator[Change]:
    """One worker if that is enough, else all."""
    groups: list[tuple[str, ...]] = [(view.id,) for view in views]
    if len(views) > 1:
        groups.append(tuple(view.id for view in views))
    for group in groups:
        yield Change(kind, sentence.format("worker " + ", ".join(group)), worker_ids=group)


def raise_priority(question: Question) -> Iterator[Change]:
    for priority in range(question.job.priority - 1, -1, -1):
        name = ("high", "normal", "low")[priority] if priority < 3 else str(priority)
        yield Change(ChangeKind.RAISE_PRIORITY, f"give it priority {name}", priority=priority)


def end_job(question: Question) -> Iterator[Change]:
    """The running job that ends first of those whose end is enough."""
    job = question.job
    room = RoomFor(question.run.free.copy(), job.demand)
    tried = 0
    for running in sorted(question.snapshot.running, key=_soonest):
        room.give(running.worker_ids, running.demand)
        if room.count >= job.min_workers and tried < MOST_ENDS:
            tried += 1
            end = running.expected_end_at
            told = f" (expected {end:%H:%M:%S} UTC)" if end is not None else ""
            yield Change(ChangeKind.END_JOB, f"it starts when job {running.id} ends{told}", job_id=running.id)
        room.take(running.worker_ids, running.demand)


def _soonest(running: RunningJob) -> tuple[bool, datetime, int, str]:
    end = running.expected_end_at
    return end is None, end or running.started_at, -running.priority, running.id


def add_workers(question: Question) -> Iterator[Change]:
    """The fewest new slots of just the size that it asks for: doubled until they do, then halved back."""
    most = min(MOST_WORKERS, 2 * sum(job.workers for job in question.snapshot.queue))
    low, high = 0, 1
    while not _enough(high, question):
        low, high = high, 2 * high
        if high > most:
            return
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _enough(middle, question) else (middle, high)
    yield _added(high, question.job.demand)


def _enough(count: int, question: Question) -> bool:
    """Whether the job then starts, or waits for its quota alone: more workers do not help against that."""
    change = _added(count, question.job.demand)
    refusal = Pass(apply(change, question.snapshot, question.job.id)).until(question.job.id)
    return refusal is None or refusal.cause in OF_QUOTA


def _added(count: int, demand: Demand) -> Change:
    slots = f"{count} slot{'s' if count > 1 else ''}"
    sentence = f"add a worker with {slots} of {describe(demand)}"
    return Change(ChangeKind.ADD_WORKERS, sentence, workers=count, demand=demand)


def _workers(count: int) -> str:
    return f"{count} worker{'s' if count > 1 else ''}"


def in_gib(size: float | None) -> float | None:
    return None if size is None else size / 1024**3


def describe(demand: Demand) -> str:
    parts = [f"{demand.cpus:g} CPU"]
    if demand.gpus:
        parts.append(f"{demand.gpus:g} GPU")
    if demand.memory_bytes:
        parts.append(f"{demand.memory_bytes / 1024**3:.2g} GiB")
    return " + ".join(parts)


# What can always be done, and costs the most, is not among these: `add_workers`.
REMEDIES: Mapping[ChangeKind, Callable[[Question], Iterator[Change]]] = {
    ChangeKind.SET_TIMEOUT: set_timeout,
    ChangeKind.LOWER_WORKERS: lower_workers,
    ChangeKind.FREE_DISK: free_disk,
    ChangeKind.RELEASE: release,
    ChangeKind.UNDRAIN: undrain,
    ChangeKind.LOWER_DEMAND: lower_demand,
    ChangeKind.RAISE_PRIORITY: raise_priority,
    ChangeKind.END_JOB: end_job,
}
