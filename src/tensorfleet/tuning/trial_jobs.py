"""The job that a trial is, and what its end says about the trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from tensorfleet.errors import nearest
from tensorfleet.jobs.model import JobRecord, JobStatus
from tensorfleet.jobs.ports import NewJob
from tensorfleet.tuning.model import Trial, TrialJob, TrialState, key_of
from tensorfleet.tuning.schemas import Objective

_NAME_ROOM = 93  # of the 100 characters of a name, what a number leaves


def trial_spec(study: dict[str, Any], params: dict[str, Any], number: int) -> dict[str, Any]:
    """The job file of a trial: the study's, with its own hyperparameters.  Its model has no name: only the best gets it."""
    return {
        **study,
        "kind": "train",
        "tune": None,
        "model_name": None,
        "name": f"{study['name'][:_NAME_ROOM]}-{number}",
        "hyperparameters": {**(study.get("hyperparameters") or {}), **params},
    }


def trial_job(study: JobRecord, trial: Trial, most_accumulation: int) -> NewJob:
    """The trial as it is queued; made twice, it is the same job, which the key and the id make sure of."""
    spec = trial_spec(study.spec, trial.params, trial.number)
    inputs = {
        **study.inputs,
        "most_accumulation": most_accumulation,
        "study": {"id": study.id, "trial": trial.number},
    }
    return NewJob(
        id=trial.job_id,
        name=spec["name"],
        workspace=study.workspace,
        kind=spec["kind"],
        priority=study.priority,
        workers=study.workers,
        spec=spec,
        inputs=inputs,
        created_at=trial.created_at,
        idempotency_key=key_of(study.id, trial.number),
    )


def ended(trial: Trial, job: TrialJob, objectives: Sequence[Objective], now: datetime) -> Trial:
    """The trial as the end of its job makes it."""
    if job.status is JobStatus.COMPLETED:
        return _completed(replace(trial, finished_at=now), job, objectives)
    if job.status is JobStatus.CANCELLED:
        reason = "its job was cancelled"
        return replace(trial, state=TrialState.CANCELLED, reason=reason, finished_at=now)
    reason = str((job.error or {}).get("message") or job.reason or "no reason was given")
    return replace(trial, state=TrialState.FAILED, reason=reason, finished_at=now)


def _completed(trial: Trial, job: TrialJob, objectives: Sequence[Objective]) -> Trial:
    values: list[float] = []
    for objective in objectives:
        if objective.metric not in job.metrics:
            hint = nearest(objective.metric, job.metrics) if job.metrics else "it reported none"
            reason = f"it reported no metric '{objective.metric}'; {hint}"
            return replace(trial, state=TrialState.FAILED, reason=reason)
        value = job.metrics[objective.metric]
        if value is None or not math.isfinite(value):
            reason = f"its metric '{objective.metric}' is not a finite number"
            return replace(trial, state=TrialState.FAILED, reason=reason)
        values.append(float(value))
    return replace(trial, state=TrialState.COMPLETED, values=tuple(values))
