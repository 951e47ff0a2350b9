"""Short ways to ask the scheduler."""

from __future__ import annotations

from tensorfleet.scheduling.explain import explain
from tensorfleet.scheduling.model import Place, Preempt, Resize, Snapshot, Wait
from tensorfleet.scheduling.scheduler import schedule


def places(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    return {found.job_id: found.worker_ids for found in schedule(snapshot) if isinstance(found, Place)}


def stops(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Who is stopped, and for whom."""
    return [(found.job_id, found.for_job) for found in schedule(snapshot) if isinstance(found, Preempt)]


def resizes(snapshot: Snapshot) -> list[tuple[str, int]]:
    return [(found.job_id, found.workers) for found in schedule(snapshot) if isinstance(found, Resize)]


def why(snapshot: Snapshot, job_id: str = "a") -> Wait:
    answer = explain(snapshot, job_id)
    assert isinstance(answer, Wait), f"{job_id} starts"
    return answer
