"""`schedule(snapshot) -> decisions`: a pure function of who waits, what runs and what there is.

One pass over the queue in the order of service.  What fits starts.  The first job that does not fit gets room made for it
(`preemption`) or a reservation (`backfill`); those behind it may start as long as they do not delay it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from tensorfleet.scheduling.backfill import Reservation, reserve
from tensorfleet.scheduling.model import (
    Decision,
    Demand,
    Place,
    Policy,
    Preempt,
    Resize,
    RunningJob,
    Snapshot,
    WaitingJob,
    WorkerView,
)
from tensorfleet.scheduling.order import in_order
from tensorfleet.scheduling.placement import Choice, choose
from tensorfleet.scheduling.preemption import Victims, may_stop_others
from tensorfleet.scheduling.room import Fleet, capacity
from tensorfleet.scheduling.shares import Shares

HOLD_TRIES = 32
"""For so many jobs in front of the queue room is looked for; this bounds the time that a pass takes."""


class Cause(Enum):
    """Why a job was not placed in a pass."""

    BACKING_OFF = auto()
    OVER_BUDGET = auto()
    OVER_QUOTA = auto()
    BEHIND_QUOTA = auto()
    IMPOSSIBLE = auto()
    MAKING_ROOM = auto()
    HELD = auto()
    NO_ROOM = auto()


OF_QUOTA = frozenset({Cause.OVER_QUOTA, Cause.BEHIND_QUOTA})
NOT_FOR_ROOM = frozenset({Cause.IMPOSSIBLE, Cause.OVER_QUOTA, Cause.OVER_BUDGET})
"""Jobs that wait for these would leave what is free unused."""


@dataclass(frozen=True)
class Refusal:
    """`count`: how many ranks could have started."""

    cause: Cause
    count: int = 0


def schedule(snapshot: Snapshot) -> tuple[Decision, ...]:
    """What to do now.  Jobs that wait are not in it; `explain` says why they do."""
    run = Pass(snapshot)
    run.serve()
    return (*run.places, *run.preempts, *run.growth())


class Pass:
    """One walk along the queue, with what is left after each step."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.views: dict[str, WorkerView] = {w.id: w for w in snapshot.workers if w.accepts}
        self.free = Fleet.of(self.views.values())
        self.shares = Shares(snapshot, self.views.values())
        self.places: list[Place] = []
        self.preempts: list[Preempt] = []
        self.held: dict[str, tuple[str, ...]] = {}
        """Jobs that start when others have stopped, and which of those stop only now."""
        self.reservation: Reservation | None = None
        self.ahead = 0
        """How many jobs stand before the one that was asked for."""
        self.over_quota: list[WaitingJob] = []
        self.quota_kept_for: dict[str, WaitingJob] = {}
        self._soon: Fleet | None = None
        """What is free when those that stop have gone, without what is kept for the jobs in `held`."""
        self._unkept: Fleet | None = None
        """What is free now, without the part of it that is kept for them."""
        self._victims: Victims | None = None
        self._refusals: dict[tuple[object, ...], Refusal] = {}
        self._capacities: dict[Demand, int] = {}
        self._tries = HOLD_TRIES
        self._idle_slots = self.free.idle_slots
        self._waiting = False
        self._stuck = False
        self._last = _last_worker(snapshot) if snapshot.policy is Policy.ROUND_ROBIN else None

    def serve(self) -> None:
        """Goes through the queue, until nothing can change any more."""
        may_stop = may_stop_others(self.snapshot)
        for job in in_order(self.snapshot, self.shares):
            if not self._idle_slots and not may_stop:
                return
            if self._too_large(job):
                self._waiting = True
                continue
            refusal = self.consider(job)
            if refusal is not None and refusal.cause not in NOT_FOR_ROOM:
                self._waiting = True
            if self._stuck:
                return

    def _too_large(self, job: WaitingJob) -> bool:
        """A quick look: it needs more slots than are left, has no quota to be kept, and others have the reservation."""
        return (
            self.reservation is not None
            and job.min_workers > self._idle_slots
            and job.workspace not in self.snapshot.quotas
        )

    def until(self, job_id: str) -> Refusal | None:
        """Goes through the queue until it is this job's turn; None when it starts.

        Raises:
            LookupError: it does not wait.
        """
        for ahead, job in enumerate(in_order(self.snapshot, self.shares)):
            if job.id == job_id:
                self.ahead = ahead
                return self.consider(job)
            if not self._too_large(job):
                self.consider(job)
        raise LookupError(job_id)

    def consider(self, job: WaitingJob) -> Refusal | None:
        """Starts the job, or says why not."""
        if job.workspace in self.snapshot.over_budget:
            return Refusal(Cause.OVER_BUDGET)
        if job.not_before is not None and job.not_before > self.snapshot.now:
            return Refusal(Cause.BACKING_OFF)
        allowed = self.shares.allowance(job.workspace, job.demand)
        if allowed < job.min_workers or job.workspace in self.quota_kept_for:
            return self._over_quota(job, allowed)
        wanted = min(job.workers, allowed)
        in_time = self.reservation is not None and self.reservation.ends_before(job)
        alike = (job.demand, wanted, job.min_workers, in_time, job.priority, job.workspace)
        # Room only shrinks during a pass: what one job did not get, the next of its kind does not get either.
        refusal = self._refusals.get(alike)
        if refusal is None:
            refusal = self._start(job, wanted, in_time)
            if refusal is not None and refusal.cause is not Cause.MAKING_ROOM:
                self._refusals[alike] = refusal
        return refusal

    def _over_quota(self, job: WaitingJob, allowed: int) -> Refusal:
        self.over_quota.append(job)
        if job.workspace in self.quota_kept_for:
            return Refusal(Cause.BEHIND_QUOTA)
        ever = self.shares.allowance(job.workspace, job.demand, empty=True)
        if ever >= job.min_workers and self.patience_ended(job):
            # Else the small jobs of a workspace would use its quota up before a gang's eyes, for ever.
            self.quota_kept_for[job.workspace] = job
        return Refusal(Cause.OVER_QUOTA, allowed)

    def patience_ended(self, job: WaitingJob) -> bool:
        return (self.snapshot.now - job.queued_at).total_seconds() >= self.snapshot.patience_s

    def _start(self, job: WaitingJob, wanted: int, in_time: bool) -> Refusal | None:
        possible = self.capacity(job.demand)
        if possible < job.min_workers:
            return Refusal(Cause.IMPOSSIBLE, possible)
        rooms = self._rooms(job.demand, in_time)
        count = min(wanted, sum(rooms.values()))
        if count >= job.min_workers:
            self._place(job, count, rooms, in_time)
            return None
        if self._hold(job):
            return Refusal(Cause.MAKING_ROOM, count)
        # With no slot left nothing starts, and who stands behind does not get what this one could not.
        self._stuck = self._stuck or not self._idle_slots
        fits = self.free.total(job.demand) >= job.min_workers
        return Refusal(Cause.HELD if fits else Cause.NO_ROOM, count)

    def capacity(self, demand: Demand) -> int:
        """How many such ranks the workers that accept could hold if they were empty."""
        if demand not in self._capacities:
            self._capacities[demand] = capacity(demand, self.views.values())
        return self._capacities[demand]

    def _rooms(self, demand: Demand, in_time: bool) -> dict[str, int]:
        """What is free now and is not kept for a job in front."""
        kept = [fleet for fleet in (self._unkept, self._soon) if fleet is not None]
        if self.reservation is not None and not in_time:
            kept.append(self.reservation.leftover)
        rooms = self.free.rooms(demand)
        for fleet in kept:
            rooms = {w: min(room, least) for w, room in rooms.items() if (least := fleet.room(w, demand))}
        return rooms

    def _place(self, job: WaitingJob, count: int, rooms: dict[str, int], in_time: bool) -> None:
        choice = Choice(job, count, rooms, self.views, self.free, self._last)
        worker_ids = choose(self.snapshot.policy, choice)
        self.free.take(worker_ids, job.demand)
        for fleet in (self._unkept, self._soon):
            if fleet is not None:
                fleet.take(worker_ids, job.demand)
        if self.reservation is not None and not in_time:
            self.reservation.leftover.take(worker_ids, job.demand)
        self.shares.charge(job.workspace, job.demand, count)
        self._idle_slots -= count
        self.places.append(Place(job.id, worker_ids))
        self._last = worker_ids[-1]

    def _hold(self, job: WaitingJob) -> bool:
        """Keeps what is about to become free for the job, or has others stopped for it; else it gets a reservation.

        Returns:
            Whether the job starts as soon as those have stopped.
        """
        if self.reservation is not None or self._stuck or not self._tries:
            return False
        self._tries -= 1
        soon = self._soon if self._soon is not None else self._after_stops()
        victims: tuple[RunningJob, ...] = ()
        if soon.total(job.demand) < job.min_workers:
            self._victims = self._victims or Victims(self.snapshot)
            victims = self._victims.find(job, self.shares, soon)
            if not victims:
                self.reservation = reserve(job, self.snapshot, self.views, soon, self.free)
                return False
        for victim in victims:
            soon.give(victim.worker_ids, victim.demand)
            self.shares.charge(victim.workspace, victim.demand, -victim.workers)
            self.preempts.append(Preempt(victim.id, job.id, _reason(victim, job)))
        self._keep(job, soon)
        self.held[job.id] = tuple(victim.id for victim in victims)
        return True

    def _after_stops(self) -> Fleet:
        soon = self.free.copy()
        for running in self.snapshot.running:
            if running.stopping:
                soon.give(running.worker_ids, running.demand)
        return soon

    def _keep(self, job: WaitingJob, soon: Fleet) -> None:
        """First what is free already, so that it starts as early as it can; the rest is about to be free."""
        left = job.min_workers
        unkept = self._unkept if self._unkept is not None else self.free.copy()
        for fleet in (unkept, soon):
            for worker_id, room in fleet.rooms(job.demand).items():
                taken = [worker_id] * min(left, room, soon.room(worker_id, job.demand))
                soon.take(taken, job.demand)
                if fleet is unkept:
                    unkept.take(taken, job.demand)
                left -= len(taken)
        self._soon, self._unkept = soon, unkept
        self.shares.charge(job.workspace, job.demand, job.min_workers)

    def growth(self) -> Iterator[Resize]:
        """At most one elastic job that may take what is left, when nobody else wants it and nothing else moves."""
        if self._waiting or self.places or self.preempts or not self._idle_slots:
            return
        if any(running.stopping for running in self.snapshot.running):
            return
        for running in sorted(self.snapshot.running, key=lambda f: (f.priority, f.started_at, f.id)):
            more = self._more_for(running)
            if more > 0:
                size = running.workers + more
                yield Resize(
                    running.id, size, f"there is room for {size} of its {running.wanted_workers} workers"
                )
                return

    def _more_for(self, running: RunningJob) -> int:
        ran_s = (self.snapshot.now - running.started_at).total_seconds()
        # A gang of which some ranks have ended is about to end: it only looks as if it had shrunk.
        whole = running.attempt_workers in (None, running.workers)
        if running.workspace in self.snapshot.over_budget:
            return 0
        if not whole or running.min_workers == running.wanted_workers or ran_s < self.snapshot.grow_after_s:
            return 0
        return min(
            running.wanted_workers - running.workers,
            self.free.total(running.demand),
            self.shares.allowance(running.workspace, running.demand),
        )


def _reason(victim: RunningJob, job: WaitingJob) -> str:
    if victim.priority > job.priority:
        return f"job {job.id} has a higher priority and needs its place"
    return f"workspace {job.workspace} has less than its share, {victim.workspace} more; job {job.id} takes its place"


def _last_worker(snapshot: Snapshot) -> str | None:
    """Where the job that started last has its last rank: round robin goes on behind it."""
    latest = max(snapshot.running, key=lambda found: (found.started_at, found.id), default=None)
    return latest.worker_ids[-1] if latest is not None and latest.worker_ids else None
