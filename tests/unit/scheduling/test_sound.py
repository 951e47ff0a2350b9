"""Properties that hold on any fleet: nothing is overbooked, and what `explain` says is true."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from tests.unit.scheduling.scenes import RANDOM, snapshots

from tensorfleet.scheduling.changes import apply
from tensorfleet.scheduling.explain import explain
from tensorfleet.scheduling.model import Place, Preempt, Resize, Snapshot, Wait, WaitCode
from tensorfleet.scheduling.scheduler import schedule


def placed(snapshot: Snapshot) -> dict[str, Place]:
    return {found.job_id: found for found in schedule(snapshot) if isinstance(found, Place)}


@given(snapshots())
@RANDOM
def test_the_suggested_change_starts_the_job(snapshot: Snapshot) -> None:
    for job in snapshot.queue:
        answer = explain(snapshot, job.id)
        if isinstance(answer, Wait):
            assert answer.change is not None, f"{answer.code}: {answer.reason}"
            assert answer.suggestion == answer.change.sentence
            assert job.id in placed(apply(answer.change, snapshot, job.id)), answer


@given(snapshots())
@RANDOM
def test_what_is_explained_is_what_is_done(snapshot: Snapshot) -> None:
    done = placed(snapshot)
    for job in snapshot.queue:
        answer = explain(snapshot, job.id)
        if isinstance(answer, Place):
            assert done[job.id] == answer
        else:
            assert job.id not in done
            assert answer.reason
            assert (answer.expected_start is None) == (answer.expected_start_unknown is not None)
            assert answer.expected_start is None or answer.expected_start > snapshot.now


@given(snapshots())
@RANDOM
def test_no_worker_is_overbooked_and_no_quota_exceeded(snapshot: Snapshot) -> None:
    decisions = schedule(snapshot)
    assert decisions == schedule(snapshot)
    jobs = {job.id: job for job in snapshot.queue}
    for view in snapshot.workers:
        taken = [
            jobs[p.job_id].demand for p in placed(snapshot).values() for w in p.worker_ids if w == view.id
        ]
        assert len(taken) <= (view.free_slots if view.accepts else 0)
        assert not taken or sum(demand.cpus for demand in taken) <= view.free_cpus + 1e-9
        assert sum(demand.gpus for demand in taken) <= view.free_gpus
        assert sum(demand.memory_bytes for demand in taken) <= view.free_memory_bytes
    for place in placed(snapshot).values():
        job = jobs[place.job_id]
        assert job.min_workers <= len(place.worker_ids) <= job.workers
        assert job.not_before is None or job.not_before <= snapshot.now
    _check_quotas(snapshot)


def _check_quotas(snapshot: Snapshot) -> None:
    jobs = {job.id: job for job in snapshot.queue}
    for workspace, quota in snapshot.quotas.items():
        new = [
            (jobs[p.job_id].demand, len(p.worker_ids))
            for p in placed(snapshot).values()
            if jobs[p.job_id].workspace == workspace
        ]
        old = [(r.demand, r.workers) for r in snapshot.running if r.workspace == workspace]
        if new and quota.slots is not None:
            assert sum(count for _, count in new + old) <= quota.slots
        if new and quota.cpus is not None:
            assert sum(demand.cpus * count for demand, count in new + old) <= quota.cpus + 1e-9
        if sum(demand.gpus for demand, _ in new) and quota.gpus is not None:
            assert sum(demand.gpus * count for demand, count in new + old) <= quota.gpus + 1e-9
        if sum(demand.memory_bytes for demand, _ in new) and quota.memory_bytes is not None:
            assert sum(demand.memory_bytes * count for demand, count in new + old) <= quota.memory_bytes


@given(snapshots())
@RANDOM
def test_only_ripe_jobs_are_stopped_and_only_for_somebody_who_waits(snapshot: Snapshot) -> None:
    running = {job.id: job for job in snapshot.running}
    waiting = {job.id: job for job in snapshot.queue}
    decisions = schedule(snapshot)
    for found in decisions:
        if isinstance(found, Preempt):
            victim, job = running[found.job_id], waiting[found.for_job]
            assert not victim.stopping
            assert victim.priority >= job.priority
            assert victim.priority > job.priority or victim.workspace != job.workspace
            answer = explain(snapshot, job.id)
            assert isinstance(answer, Wait)
            assert answer.code is WaitCode.MAKING_ROOM
        if isinstance(found, Resize):
            assert running[found.job_id].workers < found.workers <= running[found.job_id].wanted_workers
    stopped = Counter(found.job_id for found in decisions if isinstance(found, Preempt | Resize))
    assert all(count == 1 for count in stopped.values())
