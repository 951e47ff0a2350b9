"""Why a job is where it is: for a waiting one, the scheduler itself is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from tensorfleet.composition import Services, ledger_of
from tensorfleet.fleet.scaling_store import SqlScalingStore
from tensorfleet.fleet.snapshot import take_snapshot
from tensorfleet.jobs.model import JobRecord, JobStatus
from tensorfleet.jobs.ports import LiveLease
from tensorfleet.kit.clock import rfc3339, utc_now
from tensorfleet.scheduling import explain as scheduling
from tensorfleet.scheduling.model import Change, Demand, Place, Quota, Snapshot, Wait

QUEUE_LIMIT = 100_000


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
        "change": None,
        "expected_start": None,
        "expected_start_unknown": None,
    }
    answer |= _last_hang(services, job_id)
    if job.status is JobStatus.QUEUED:
        return answer | _waiting(services, job_id)
    if job.status is JobStatus.FAILED and job.error:
        answer |= {"code": job.error["class"], "evidence": job.error}
    if job.status is JobStatus.RUNNING:
        answer |= _running(services, job)
    return answer


def _last_hang(services: Services, job_id: str) -> dict[str, Any]:
    """Where the job last stood still, if it ever did: it may run again, and its owner still wants to know."""
    found = services.log.read_last(job_id, "hang.found", 1)
    if not found:
        return {}
    data = found[0].data
    evidence = data.get("evidence") or {}
    told = {key: evidence.get(key) for key in ("culprits", "line")}
    return {"last_hang": {"attempt": data.get("attempt"), "message": data.get("message"), **told}}


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
    snapshot, leases = look(services)
    try:
        decision = scheduling.explain(snapshot, job_id)
    except LookupError:  # it was placed since its status was read
        return {"code": "starting", "reason": "it is about to start"}
    running = [{"job_id": lease.job_id, "rank": lease.rank, "worker_id": lease.worker_id} for lease in leases]
    answer = describe(decision)
    return {**answer, "evidence": {**answer["evidence"], "running": running, **_scaling(services, job_id)}}


def _scaling(services: Services, job_id: str) -> dict[str, Any]:
    """What the autoscaler last said: it may be about to add what the job waits for."""
    if not services.settings.autoscale.enabled:
        return {}
    found = SqlScalingStore(services.database, services.log).find_state()
    if found is None:
        return {}
    at, state = found
    notes = [note for note in state["notes"] if f"job {job_id} " in note]
    wanted = {"desired_workers": state["signal"]["desired"], "workers": state["signal"]["workers"]}
    return {"scaling": {**wanted, "reason": state["reason"], "not_grown_for": notes, "at": rfc3339(at)}}


def look(services: Services) -> tuple[Snapshot, list[LiveLease]]:
    """What the scheduler sees at this moment."""
    with services.job_store.orchestrate() as tx:
        queue = tx.queue(QUEUE_LIMIT)
        leases = tx.live_leases()
    settings = services.settings
    snapshot = take_snapshot(
        utc_now(),
        queue,
        services.workers.all(),
        leases,
        quotas={name: limits.running for name, limits in services.quotas.all().items()},
        over_budget=ledger_of(services).over_budget(),
        policy=settings.policy,
    )
    return snapshot, leases


def describe(decision: Place | Wait) -> dict[str, Any]:
    """The scheduler's answer as JSON."""
    if isinstance(decision, Place):
        return {
            "code": "starting",
            "reason": "it is about to start",
            "evidence": {"worker_ids": list(decision.worker_ids)},
        }
    free = decision.evidence["free"]
    return {
        "code": decision.code.value,
        "reason": decision.reason,
        "evidence": _plain({**decision.evidence, "free_slots": free["slots"]}),
        "suggestion": decision.suggestion,
        "change": _change(decision.change),
        "expected_start": rfc3339(decision.expected_start),
        "expected_start_unknown": decision.expected_start_unknown,
    }


def _change(change: Change | None) -> dict[str, Any] | None:
    """The change's kind and what it sets, without what it leaves alone."""
    if change is None:
        return None
    return {
        item.name: _change(change.and_then) if item.name == "and_then" else _plain(value)
        for item in fields(change)
        if (value := getattr(change, item.name)) not in (None, ())
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _plain(asdict(value)) if isinstance(value, (Demand, Quota)) else value
