"""Why a waiting job waits: one dominant reason, who holds what it needs, what would start it, and when it is expected to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from tensorfleet.scheduling.changes import waiting_job
from tensorfleet.scheduling.forecast import expected_start
from tensorfleet.scheduling.model import Place, RunningJob, Snapshot, Wait, WaitCode, WaitingJob
from tensorfleet.scheduling.remedies import describe, in_gib
from tensorfleet.scheduling.room import Fleet
from tensorfleet.scheduling.scheduler import OF_QUOTA, Cause, Pass, Refusal
from tensorfleet.scheduling.suggest import smallest_change

MOST_NAMED = 50
"""So many others are listed in the evidence."""


@dataclass(frozen=True)
class _Story:
    code: WaitCode
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)


def explain(snapshot: Snapshot, job_id: str) -> Place | Wait:
    """The same pass that decides, looked at when it is this job's turn.

    Raises:
        LookupError: the job does not wait.
    """
    job = waiting_job(snapshot, job_id)
    run = Pass(snapshot)
    refusal = run.until(job_id)
    if refusal is None:
        return run.places[-1]
    story = _Telling(snapshot, job, run, refusal).tell()
    change = smallest_change(snapshot, job_id, story.code)
    start, unknown = expected_start(snapshot, job_id)
    return Wait(
        job_id,
        story.code,
        story.reason,
        change.sentence if change is not None else None,
        {**_evidence(snapshot, job, run, refusal), **story.evidence},
        change,
        start,
        unknown,
    )


def _evidence(snapshot: Snapshot, job: WaitingJob, run: Pass, refusal: Refusal) -> dict[str, Any]:
    """What there is, what is free when it is this job's turn, and who has the rest."""
    empty = Fleet({w.id: [w.slots, w.cpus, w.gpus, w.memory_bytes] for w in run.views.values()})
    holders = sorted(snapshot.running, key=lambda found: (found.priority, found.started_at, found.id))
    return {
        "needed": {"workers": job.min_workers, "wanted": job.workers, "each": asdict(job.demand)},
        "ahead_in_queue": run.ahead,
        "could_start": refusal.count,
        "free": run.free.sums(),
        "total": empty.sums(),
        "starting_before": [place.job_id for place in run.places][:MOST_NAMED],
        "holders": [_holder(running) for running in holders[:MOST_NAMED]],
        "holders_not_listed": max(0, len(holders) - MOST_NAMED),
    }


def _holder(running: RunningJob) -> dict[str, Any]:
    ranks: dict[str, list[int]] = {}
    for rank, worker_id in enumerate(running.worker_ids):
        ranks.setdefault(worker_id, []).append(rank)
    return {
        "job_id": running.id,
        "workspace": running.workspace,
        "priority": running.priority,
        "ranks": ranks,
        "each": asdict(running.demand),
        "expected_end": running.expected_end_at,
        "stopping": running.stopping,
    }


@dataclass(frozen=True)
class _Telling:
    """Finds the words for a refusal."""

    snapshot: Snapshot
    job: WaitingJob
    run: Pass
    refusal: Refusal

    def tell(self) -> _Story:
        cause = self.refusal.cause
        if cause is Cause.BACKING_OFF:
            return self._backing_off()
        if cause is Cause.OVER_BUDGET:
            return _Story(WaitCode.OVER_BUDGET, self.snapshot.over_budget[self.job.workspace])
        if cause in OF_QUOTA:
            return self._over_quota()
        if cause is Cause.MAKING_ROOM:
            return self._making_room()
        if cause is Cause.HELD:
            return self._held()
        return (
            self._low_disk()
            or self._quarantine()
            or self._no_workers()
            or self._impossible()
            or self._overtaken()
            or self._no_room()
        )

    def _backing_off(self) -> _Story:
        until = self.job.not_before or self.snapshot.now
        wait_s = (until - self.snapshot.now).total_seconds()
        reason = f"it is tried again in {wait_s:.1f} s, after a failed attempt"
        return _Story(WaitCode.BACKING_OFF, reason, {"not_before": until})

    def _over_quota(self) -> _Story:
        workspace = self.job.workspace
        quota = self.run.shares.quota(workspace)
        slots, cpus, gpus, memory = self.run.shares.used(workspace)
        used = {"slots": int(slots), "cpus": cpus, "gpus": gpus, "memory_bytes": int(memory)}
        evidence = {"quota": asdict(quota), "used": used}
        kept_for = self.run.quota_kept_for.get(workspace)
        if kept_for is not None and kept_for.id != self.job.id:
            reason = f"what is left of the quota of workspace {workspace} is kept for job {kept_for.id}, which has waited longer"
            return _Story(WaitCode.OVER_QUOTA, reason, {**evidence, "kept_for": kept_for.id})
        limits = (
            (slots, quota.slots, "slots"),
            (cpus, quota.cpus, "CPUs"),
            (gpus, quota.gpus, "GPUs"),
            (memory / 1024**3, in_gib(quota.memory_bytes), "GiB of memory"),
        )
        told = ", ".join(
            f"{have:.6g} of {limit:.6g} {name}" for have, limit, name in limits if limit is not None
        )
        needs = f"it needs {self.job.min_workers} x {describe(self.job.demand)}"
        return _Story(
            WaitCode.OVER_QUOTA, f"workspace {workspace} uses {told} of its quota; {needs}", evidence
        )

    def _making_room(self) -> _Story:
        victims = list(self.run.held[self.job.id])
        stopping = [running.id for running in self.snapshot.running if running.stopping]
        named = ", ".join(victims or stopping)
        reason = f"room is being made for it: job {named} saves its state and stops"
        return _Story(WaitCode.MAKING_ROOM, reason, {"stopping": victims or stopping})

    def _held(self) -> _Story:
        reservation = self.run.reservation
        if reservation is None:
            front = next(iter(self.run.held))
            reason = (
                f"what is free and what is about to be is kept for job {front}, for which others stop now"
            )
            return _Story(WaitCode.RESERVED, reason, {"reserved_for": front, "reserved_at": None})
        evidence = {"reserved_for": reservation.job.id, "reserved_at": reservation.at}
        if self._unfairly_before(reservation.job):
            reason = (
                f"workspace {reservation.job.workspace} has less than its share, so its job {reservation.job.id} "
                "gets the next free slots"
            )
            return _Story(WaitCode.FAIR_SHARE, reason, {**evidence, **self._shares()})
        if reservation.at is None:
            reason = f"job {reservation.job.id} has waited longest and gets the next free slots"
            return _Story(WaitCode.BEHIND_OTHERS, reason, evidence)
        reason = (
            f"what is free is reserved for job {reservation.job.id}, which is expected to start at "
            f"{reservation.at:%H:%M:%S} UTC; this one might run on beyond that"
        )
        return _Story(WaitCode.RESERVED, reason, evidence)

    def _low_disk(self) -> _Story | None:
        """Whether workers that accept nothing because of their disks would have had the room."""
        full = [view for view in self.snapshot.workers if view.low_disk]
        more = Fleet.of(full).total(self.job.demand)
        if not full or self.refusal.count + more < self.job.min_workers:
            return None
        named = ", ".join(view.id for view in full)
        reason = f"worker {named} would have room, but its disk is nearly full"
        return _Story(WaitCode.LOW_DISK, reason, {"low_disk": [view.id for view in full]})

    def _quarantine(self) -> _Story | None:
        """Whether workers that get nothing because of their machines would have had the room."""
        held = {view.id: view.quarantine for view in self.snapshot.workers if view.quarantine}
        more = Fleet.of(view for view in self.snapshot.workers if view.id in held).total(self.job.demand)
        if not held or self.refusal.count + more < self.job.min_workers:
            return None
        told = "; ".join(f"{worker_id}: {why}" for worker_id, why in list(held.items())[:3])
        rest = f"; and {len(held) - 3} more" if len(held) > 3 else ""
        are = "1 worker is" if len(held) == 1 else f"{len(held)} workers are"
        reason = f"{are} in quarantine: {told}{rest}"
        return _Story(WaitCode.QUARANTINE, reason, {"quarantine": held})

    def _no_workers(self) -> _Story | None:
        if self.run.views:
            return None
        away = "every worker drains or does not answer"
        return _Story(
            WaitCode.NO_WORKERS, away if self.snapshot.workers else "no worker has joined the fleet"
        )

    def _impossible(self) -> _Story | None:
        if self.refusal.cause is not Cause.IMPOSSIBLE:
            return None
        possible = self.run.capacity(self.job.demand)
        reason = (
            f"it needs {self.job.min_workers} workers of {describe(self.job.demand)}; "
            f"the fleet can hold {possible} of these at most"
        )
        return _Story(WaitCode.IMPOSSIBLE, reason, {"possible": possible})

    def _overtaken(self) -> _Story | None:
        """Whether there was room, and others that are served first have taken it just now."""
        at_first = Fleet.of(self.run.views.values()).total(self.job.demand)
        if at_first < self.job.min_workers:
            return None
        before = [waiting_job(self.snapshot, place.job_id) for place in self.run.places]
        unfair = [other for other in before if self._unfairly_before(other)]
        if unfair:
            reason = f"workspace {unfair[0].workspace} has less than its share, so its job {unfair[0].id} is served first"
            return _Story(WaitCode.FAIR_SHARE, reason, self._shares())
        named = ", ".join(other.id for other in before[:3]) + (" and others" if len(before) > 3 else "")
        return _Story(WaitCode.BEHIND_OTHERS, f"job {named} is served first and takes what is free")

    def _unfairly_before(self, other: WaitingJob) -> bool:
        """Whether the other one came later and is before this one only because of the shares."""
        mine = (self.job.queued_at, self.job.id)
        same = other.priority == self.job.priority and other.workspace != self.job.workspace
        return same and (other.queued_at, other.id) > mine

    def _shares(self) -> dict[str, Any]:
        names = {job.workspace for job in self.snapshot.queue} | {
            job.workspace for job in self.snapshot.running
        }
        return {"shares": {name: round(self.run.shares.share(name), 4) for name in sorted(names)}}

    def _no_room(self) -> _Story:
        job = self.job
        free_slots = self.run.free.idle_slots
        if free_slots < job.min_workers:
            reason = f"it needs {_slots(job.min_workers)} at once and {free_slots} {'is' if free_slots == 1 else 'are'} free"
            return _Story(WaitCode.NO_FREE_SLOTS, reason)
        reason = (
            f"it needs {job.min_workers} workers of {describe(job.demand)} at once; "
            f"what is free now holds {self.run.free.total(job.demand)} of these"
        )
        return _Story(WaitCode.NO_FREE_RESOURCES, reason)


def _slots(count: int) -> str:
    return f"{count} free slot{'' if count == 1 else 's'}"
