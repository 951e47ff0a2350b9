"""When a waiting job is expected to start: the scheduler itself is run forward over the expected ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tensorfleet.scheduling.backfill import likely_end
from tensorfleet.scheduling.model import Place, Preempt, RunningJob, Snapshot, WaitingJob
from tensorfleet.scheduling.scheduler import Cause, Pass, schedule
from tensorfleet.scheduling.world import World

WORK = 200_000
"""Steps times waiting jobs: how far a forecast looks."""
LEAST_STEPS = 20


def expected_start(snapshot: Snapshot, job_id: str) -> tuple[datetime | None, str | None]:
    """The instant, or None and why nobody can know."""
    asked = next(job for job in snapshot.queue if job.id == job_id)
    ahead = tuple(job for job in snapshot.queue if job.priority <= asked.priority)
    typical_s = _typical_s(snapshot)
    running = tuple(_as_expected(job, snapshot) for job in snapshot.running)
    world = World(replace(snapshot, queue=ahead, running=running))
    stopped: set[str] = set()
    for _ in range(max(LEAST_STEPS, WORK // len(ahead))):
        if _decide(world, stopped, typical_s, job_id):
            return world.now, None
        following = _next_instant(world, asked)
        if following is None:
            return None, _unknown(world, job_id)
        world.now = following
        _end_due(world, stopped)
    return None, "too much has to happen before it"


def _as_expected(job: RunningJob, snapshot: Snapshot) -> RunningJob:
    gone_at = snapshot.now + timedelta(seconds=snapshot.stop_grace_s)
    return replace(job, expected_end_at=gone_at if job.stopping else likely_end(job, snapshot.now))


def _decide(world: World, stopped: set[str], typical_s: float | None, job_id: str) -> bool:
    """Carries out what the scheduler says; whether it starts the job."""
    for decision in schedule(world.snapshot()):
        if isinstance(decision, Place):
            if decision.job_id == job_id:
                return True
            run_s = _run_s(world.waiting[decision.job_id], typical_s)
            world.start(decision, world.now + timedelta(seconds=run_s) if run_s is not None else None)
        elif isinstance(decision, Preempt):
            world.stop(decision.job_id)
            stopped.add(decision.job_id)
    return False


def _end_due(world: World, stopped: set[str]) -> None:
    due = [job for job in world.running.values() if job.expected_end_at and job.expected_end_at <= world.now]
    for job in due:
        world.end(job.id)
        if job.id in stopped:
            stopped.remove(job.id)
            world.requeue(job)


def _next_instant(world: World, asked: WaitingJob) -> datetime | None:
    """When something changes next: an end, the end of a back-off, or a job that may be stopped from then on."""
    rules = world.snapshot()
    instants = [job.not_before for job in world.waiting.values() if job.not_before]
    for job in world.running.values():
        if job.expected_end_at:
            instants.append(job.expected_end_at)
        least_s = rules.min_run_s if job.priority > asked.priority else rules.fair_run_s
        if job.priority >= asked.priority:
            instants.append(job.started_at + timedelta(seconds=least_s))
    return min((instant for instant in instants if instant > world.now), default=None)


def _typical_s(snapshot: Snapshot) -> float | None:
    """How long half of the jobs here take at most, as far as what runs now tells.

    A job that takes twice as long is met twice as often among those that run: each counts by the inverse of its length.
    """
    known = sorted(
        (job.expected_end_at - job.started_at).total_seconds()
        for job in snapshot.running
        if job.expected_end_at is not None and job.expected_end_at > job.started_at and not job.stopping
    )
    half = sum(1 / run_s for run_s in known) / 2
    for run_s in known:
        half -= 1 / run_s
        if half <= 0:
            return run_s
    return None


def _run_s(job: WaitingJob, typical_s: float | None) -> float | None:
    known = [run_s for run_s in (job.timeout_s, typical_s) if run_s is not None]
    return min(known, default=None)


def _unknown(world: World, job_id: str) -> str:
    refusal = Pass(world.snapshot()).until(job_id)
    if refusal is not None and refusal.cause is Cause.OVER_BUDGET:
        return "its workspace has spent its budget"
    endless = sorted(job.id for job in world.running.values() if job.expected_end_at is None)
    if not endless or (refusal is not None and refusal.cause is Cause.IMPOSSIBLE):
        return "it does not start on this fleet as it is"
    named = ", ".join(endless[:3]) + (" and others" if len(endless) > 3 else "")
    return f"nobody knows when {named} will end: no timeout, and no progress reported yet"
