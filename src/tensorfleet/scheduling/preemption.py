"""Which running jobs have to stop so that a waiting one can start; none, if it would still not fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from tensorfleet.scheduling.model import RunningJob, Snapshot, WaitingJob
from tensorfleet.scheduling.room import Fleet, RoomFor
from tensorfleet.scheduling.shares import Shares


def may_stop_others(snapshot: Snapshot) -> bool:
    """A quick look: whether any waiting job could have a running one stopped, by its priority or by its workspace."""
    highest = min((job.priority for job in snapshot.queue), default=0)
    workspaces = {job.workspace for job in snapshot.queue}
    return any(found.priority > highest or not workspaces <= {found.workspace} for found in snapshot.running)


class Victims:
    """The running jobs that may be stopped: of the lowest priority first, then the most recently started, because they
    lose the least progress.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._lowest = max((found.priority for found in snapshot.running), default=0)
        self._workspaces = {found.workspace for found in snapshot.running}
        self._by_loss: list[RunningJob] | None = None

    def find(self, job: WaitingJob, shares: Shares, soon: Fleet) -> tuple[RunningJob, ...]:
        """The fewest that help, and that then are no candidates any more; empty if the job would still not fit.

        Args:
            soon: what is free when those that stop already have gone.
        """
        if self._lowest <= job.priority and self._workspaces <= {job.workspace}:
            return ()  # only its equals run, and they are its own
        candidates = self._candidates() if self._by_loss is None else self._by_loss
        found = self._lower(job, candidates, soon) or self._overdrawn(job, candidates, shares, soon)
        gone = {victim.id for victim in found}
        self._by_loss = [candidate for candidate in candidates if candidate.id not in gone]
        return found

    def _candidates(self) -> list[RunningJob]:
        ripe = [found for found in self._snapshot.running if _ripe(found, self._snapshot)]
        return sorted(ripe, key=lambda f: (-f.priority, -f.started_at.timestamp(), f.id))

    def _lower(self, job: WaitingJob, candidates: list[RunningJob], soon: Fleet) -> tuple[RunningJob, ...]:
        lower = [found for found in candidates if found.priority > job.priority]
        for level in sorted({found.priority for found in lower}, reverse=True):
            # From the lowest priority up: a class is touched only when all below it are not enough.
            victims = _fewest(job, [found for found in lower if found.priority >= level], soon)
            if victims:
                return victims
        return ()

    def _overdrawn(
        self, job: WaitingJob, candidates: list[RunningJob], shares: Shares, soon: Fleet
    ) -> tuple[RunningJob, ...]:
        """Jobs of the same priority of workspaces over their fair share, for one that stays within its own.

        Afterwards the victim's workspace still has at least as much as the job's, so that neither can take it back.
        """
        after = shares.share(job.workspace, job.demand, job.min_workers)
        over = _over_fair({found.workspace for found in candidates}, shares)
        if after > shares.fair or not over:
            return ()
        rest = shares.copy()
        chosen: list[RunningJob] = []
        for found in candidates:
            if found.workspace not in over or not _at_disposal(found, job, self._snapshot):
                continue
            if rest.share(found.workspace, found.demand, -found.workers) >= after:
                rest.charge(found.workspace, found.demand, -found.workers)
                chosen.append(found)
        return _fewest(job, chosen, soon)


def _over_fair(workspaces: Iterable[str], shares: Shares) -> set[str]:
    return {workspace for workspace in workspaces if shares.share(workspace) > shares.fair}


def _ripe(found: RunningJob, snapshot: Snapshot) -> bool:
    ran_s = (snapshot.now - found.started_at).total_seconds()
    return found.preemptible and not found.stopping and ran_s >= snapshot.min_run_s


def _at_disposal(found: RunningJob, job: WaitingJob, snapshot: Snapshot) -> bool:
    """Whether it is an equal that has run for its time, and will not go before everybody when it waits again."""
    starved_at = snapshot.now - timedelta(seconds=snapshot.starve_after_s)
    return (
        found.priority == job.priority
        and (snapshot.now - found.started_at).total_seconds() >= snapshot.fair_run_s
        and (found.queued_at or found.started_at) > starved_at
    )


def _fewest(job: WaitingJob, by_loss: Sequence[RunningJob], soon: Fleet) -> tuple[RunningJob, ...]:
    """Candidates without which the job does not fit, and of which none can be left out; empty if there are none."""
    room = RoomFor(soon.copy(), job.demand)
    idle_slots = soon.idle_slots
    for found in by_loss:
        if idle_slots + found.workers < job.min_workers:
            continue
        room.give(found.worker_ids, found.demand)
        if room.count >= job.min_workers:
            return (found,)
        room.take(found.worker_ids, found.demand)
    chosen: list[RunningJob] = []
    for found in by_loss:
        if room.count >= job.min_workers:
            break
        room.give(found.worker_ids, found.demand)
        chosen.append(found)
    if room.count < job.min_workers:
        return ()
    return _without_needless(job, chosen, room)


def _without_needless(job: WaitingJob, chosen: list[RunningJob], room: RoomFor) -> tuple[RunningJob, ...]:
    for found in reversed(tuple(chosen)):
        room.take(found.worker_ids, found.demand)
        if room.count >= job.min_workers:
            chosen.remove(found)
        else:
            room.give(found.worker_ids, found.demand)
    return tuple(chosen)
