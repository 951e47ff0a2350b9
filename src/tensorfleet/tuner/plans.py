"""From a study's spec to its plan, and from its trials' ends to its log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from tensorfleet.jobs.model import NewEvent
from tensorfleet.tuning.model import Trial, TrialState
from tensorfleet.tuning.schemas import TuneSpec
from tensorfleet.tuning.space import grid_size, parse_space
from tensorfleet.tuning.steering import Plan


def plan_of(spec: TuneSpec, created_at: datetime) -> Plan:
    trials = spec.trials
    if spec.sampler == "grid":
        trials = min(trials, grid_size(parse_space(spec.space)) or trials)
    ends_at = None if spec.timeout is None else created_at + timedelta(seconds=spec.timeout)
    return Plan(trials, spec.parallel, ends_at)


def log_entries(study_id: str, over: Sequence[Trial], metrics: Sequence[str]) -> list[NewEvent]:
    """For the study's log: each trial's end, and its values as points of the study's metrics, by trial number."""
    found = []
    for trial in over:
        assert trial.finished_at is not None
        at = trial.finished_at
        data = {
            "trial": trial.number, "job_id": trial.job_id, "params": trial.params, "reason": trial.reason,
            "values": None if trial.values is None else list(trial.values),
        }  # fmt: skip
        found.append(NewEvent(f"trial.{trial.state.value}", at, data, study_id))
        if trial.state is TrialState.COMPLETED:
            values = dict(zip(metrics, trial.values or (), strict=True))
            point = {"at": at.timestamp(), "step": trial.number, "values": values}
            found.append(NewEvent("metrics", at, {"rank": 0, "attempt": 1, "points": [point]}, study_id))
    return found
