"""Why a job is where it is: for a waiting one, the scheduler itself is asked."""

from __future__ import annotations

from typing import Any

from tensorfleet.composition import Services
from tensorfleet.fleet.snapshot import take_snapshot
from tensorfleet.jobs.model import JobRecord, JobStatus
from tensorfleet.jobs.ports import QueuedJob
from tensorfleet.kit.clock import utc_now
from tensorfleet.scheduling.model import Wait
from tensorfleet.scheduling.placement import schedule


def explain(services: Services, job_id: str) -> dict[str, Any]:
    """The answer of `GET /jobs/{id}/why`."""
    job = services.jobs.get(job_id)
    answer: dict[str, Any] = {
        "job_id": job.id,
        "status": job.status.value,
        "code": job.status.value,
        "reason": job.reason or f"the job is {job.status.value}",
        "evidence": {},
        "suggestion": None,
        "expected_start": None,
    }
    if job.status is JobStatus.QUEUED:
        return answer | _waiting(services, job_id)
    if job.status is JobStatus.FAILED and job.error:
        answer |= {"code": job.error["class"], "evidence": job.error}
    if job.status is JobStatus.RUNNING:
        answer |= _running(services, job)
    return answer


def _running(services: Services, job: JobRecord) -> dict[str, Any]:
    tasks = [task for task in services.job_store.tasks(job.id) if task["attempt"] == job.attempt]
    waiting = [task["rank"] for task in tasks if task["status"] == "leased"]
    if not waiting:
        return {"evidence": {"tasks": tasks}}
    reason = "its worker gets ready: a fresh agent first imports the libraries, which takes some seconds"
    return {
        "code": "warming_up",
        "reason": reason,
        "evidence": {"tasks": tasks, "ranks_not_started": len(waiting)},
    }


def _waiting(services: Services, job_id: str) -> dict[str, Any]:
    with services.job_store.orchestrate() as tx:
        queue: list[QueuedJob] = tx.queue(1000)
        leases = tx.live_leases()
    snapshot = take_snapshot(utc_now(), queue, services.workers.all(), leases)
    ahead = [found.id for found in queue]
    decision = next((found for found in schedule(snapshot) if found.job_id == job_id), None)
    evidence = {
        "ahead_in_queue": ahead.index(job_id) if job_id in ahead else None,
        "running": [
            {"job_id": lease.job_id, "rank": lease.rank, "worker_id": lease.worker_id} for lease in leases
        ],
        "free_slots": sum(max(0, worker.free_slots) for worker in snapshot.workers if worker.accepts),
    }
    if isinstance(decision, Wait):
        return {
            "code": decision.code.value,
            "reason": decision.reason,
            "suggestion": decision.suggestion,
            "evidence": evidence,
        }
    return {"code": "starting", "reason": "it is about to start", "evidence": evidence}
