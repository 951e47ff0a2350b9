"""A reservation for the first job that does not fit, so that smaller ones may pass without delaying it (EASY backfill).

Lifka, "The ANL/IBM SP Scheduling System", 1995.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heappop

from tensorfleet.scheduling.model import RunningJob, Snapshot, WaitingJob, WorkerView
from tensorfleet.scheduling.room import Fleet, RoomFor, capacity

OVERDUE_S = 5.0
OVERDUE_PART = 0.1
"""A job that should be over is expected to need this part of its time so far, and at least these seconds, more."""


@dataclass(frozen=True)
class Reservation:
    """Room that is kept for `job`.

    Attributes:
        at: when it is expected to start; None when nobody can know.
        in_s: how many seconds that is from now.
        leftover: what others may use beyond that instant.
    """

    job: WaitingJob
    at: datetime | None
    leftover: Fleet

    in_s: float = 0.0

    def ends_before(self, job: WaitingJob) -> bool:
        """Whether `job`, started now, is surely gone when the reservation begins."""
        return job.timeout_s is not None and job.timeout_s <= self.in_s


def reserve(
    job: WaitingJob, snapshot: Snapshot, views: Mapping[str, WorkerView], soon: Fleet, free: Fleet
) -> Reservation | None:
    """The earliest instant at which the job fits, by the expected ends of what runs.

    Args:
        soon: what is free when those that stop now have gone.
        free: what is free now.

    Returns:
        None when the ends are not known and the job's patience has not ended: then others may still pass.
    """
    shadow = soon.copy()
    at = _first_fit(job, snapshot, shadow)
    if at is not None:
        _occupy(job, shadow, free)
        return Reservation(job, at, shadow, (at - snapshot.now).total_seconds())
    if (snapshot.now - job.queued_at).total_seconds() < snapshot.patience_s:
        return None
    # Nobody knows when it can start: others get only workers that are of no use to it, however empty.
    useless = [worker_id for worker_id, view in views.items() if not capacity(job.demand, [view])]
    return Reservation(job, None, soon.only(useless))


def likely_end(running: RunningJob, now: datetime) -> datetime | None:
    """When the running job is expected to end, seen from now."""
    if running.expected_end_at is None or running.expected_end_at > now:
        return running.expected_end_at
    more_s = max(OVERDUE_S, OVERDUE_PART * (now - running.started_at).total_seconds())
    return now + timedelta(seconds=more_s)


def _first_fit(job: WaitingJob, snapshot: Snapshot, shadow: Fleet) -> datetime | None:
    """Releases the running jobs on `shadow` in the order of their ends until the job fits."""
    ending = [
        (end, running.id, running)
        for running in snapshot.running
        if not running.stopping and (end := likely_end(running, snapshot.now)) is not None
    ]
    heapify(ending)  # thousands may run, and the first few ends are mostly enough
    room = RoomFor(shadow, job.demand)
    at = snapshot.now
    while ending and room.count < job.min_workers:
        at, _, running = heappop(ending)
        room.give(running.worker_ids, running.demand)
    return at if room.count >= job.min_workers else None


def _occupy(job: WaitingJob, shadow: Fleet, free: Fleet) -> None:
    """Puts the job where the least is free now: that is the least use to those who want to pass."""
    left = min(job.workers, shadow.total(job.demand))
    rooms = shadow.rooms(job.demand)
    for worker_id in sorted(rooms, key=lambda w: (free.room(w, job.demand), w)):
        taken = min(left, rooms[worker_id])
        shadow.take([worker_id] * taken, job.demand)
        left -= taken
