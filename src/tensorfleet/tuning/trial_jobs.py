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
from tensorfleet.tuning.model import AGAIN, Trial, TrialJob, TrialState, key_of
from tensorfleet.tuning.options import Population
from tensorfleet.tuning.population import NOTE, place_of
from tensorfleet.tuning.schemas import Objective

_NAME_ROOM = 93  # of the 100 characters of a name, what a number leaves


def trial_spec(study: dict[str, Any], params: dict[str, Any], number: int) -> dict[str, Any]:
    """The job file of a trial: the study's, with its own hyperparameters.  Its model has no name: only the best gets it."""
    population = (study.get("tune") or {}).get("population")
    if population and study.get("algorithm"):
        params = {**params, "epochs": Population.model_validate(population).steps}
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
    until = _until(study.spec, trial)
    if until is not None:
        inputs["until"] = until
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


def _until(study: dict[str, Any], trial: Trial) -> int | None:
    """Where a member's part of the training ends; None where the training itself does."""
    if NOTE not in trial.notes:
        return None
    population = Population.model_validate(study["tune"]["population"])
    parts = place_of(trial).generation + 1
    return parts * population.perturbation_interval if parts < population.generations else None


def begins_at(trial: Trial, trials: Sequence[Trial]) -> tuple[list[int], bool]:
    """The numbers of the trials from whose checkpoint it begins, the first that has one; and whether it has to.

    A trial that is run again goes on where it was cancelled; one that failed did so with a state that is not to be trusted.
    """
    found = []
    again = trial.notes.get(AGAIN)
    if again is not None and trials[again].state is TrialState.CANCELLED:
        found.append(int(again))
    parent = place_of(trial).parent if NOTE in trial.notes else None
    return found + ([] if parent is None else [parent]), parent is not None


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
