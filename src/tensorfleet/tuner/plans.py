"""From a study's spec to its plan, and from its trials' ends to its log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tensorfleet.jobs.model import JobRecord, NewEvent
from tensorfleet.kit.clock import parse_rfc3339
from tensorfleet.tuning.again import asked_for
from tensorfleet.tuning.model import Trial, TrialState
from tensorfleet.tuning.population import NOTE, Rules
from tensorfleet.tuning.schemas import TuneSpec
from tensorfleet.tuning.steering import Plan


def plan_of(spec: TuneSpec, study: JobRecord) -> Plan:
    """What the study was submitted for, and what was asked for since."""
    again = study.inputs.get("again")
    began_at = parse_rfc3339(again["at"]) if again else study.created_at
    ends_at = None if spec.timeout is None else began_at + timedelta(seconds=spec.timeout)
    return Plan(asked_for(spec, study.inputs), spec.parallel, ends_at, rules_of(spec))


def rules_of(spec: TuneSpec) -> Rules | None:
    """How the study's population is bred; None for one without."""
    given = spec.population
    if given is None:
        return None
    return Rules(
        given.size,
        given.generations,
        given.quantile_fraction,
        given.resample_probability,
        tuple(given.perturbation_factors),
        1.0 if spec.objective[0].direction == "maximize" else -1.0,
    )


def log_entries(study_id: str, over: Sequence[Trial], metrics: Sequence[str]) -> list[NewEvent]:
    """For the study's log: each trial's end, and its values as points of the study's metrics, by trial number."""
    found = []
    for trial in over:
        assert trial.finished_at is not None
        at = trial.finished_at
        data = {
            "trial": trial.number, "job_id": trial.job_id, "params": trial.params, "reason": trial.reason,
            "values": None if trial.values is None else list(trial.values), **trial.notes.get(NOTE, {}),
        }  # fmt: skip
        found.append(NewEvent(f"trial.{trial.state.value}", at, data, study_id))
        if trial.state is TrialState.COMPLETED:
            values = dict(zip(metrics, trial.values or (), strict=True))
            point = {"at": at.timestamp(), "step": trial.number, "values": values}
            found.append(NewEvent("metrics", at, {"rank": 0, "attempt": 1, "points": [point]}, study_id))
    return found
