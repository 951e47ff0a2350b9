"""Going on with a study that has ended: its failed trials once more, or more trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tensorfleet.errors import Conflict, InvalidInput
from tensorfleet.jobs.model import JobRecord
from tensorfleet.kit.clock import rfc3339
from tensorfleet.tuning.model import AGAIN, Trial, TrialState
from tensorfleet.tuning.population import place_of
from tensorfleet.tuning.schemas import MOST_TRIALS, PBT, TuneSpec
from tensorfleet.tuning.space import grid_size, parse_space

_UNDONE = (TrialState.FAILED, TrialState.CANCELLED)


def asked_for(spec: TuneSpec, inputs: Mapping[str, Any]) -> int:
    """How many trials the study makes, with those that were asked for after its end."""
    again = inputs.get("again") or {}
    trials = spec.trials + int(again.get("more", 0))
    if spec.sampler == "grid":
        trials = min(trials, grid_size(parse_space(spec.space)) or trials)
    return trials + int(again.get("repeated", 0))


def going_on(inputs: Mapping[str, Any], more: int, repeated: int, now: datetime) -> dict[str, Any]:
    """What a study notes when it is to make so many more trials, and has so many again; its time begins anew."""
    before = inputs.get("again") or {}
    again = {
        "more": before.get("more", 0) + more,
        "repeated": before.get("repeated", 0) + repeated,
        "at": rfc3339(now),
    }
    return {**inputs, "again": again}


def to_repeat(spec: TuneSpec, trials: Sequence[Trial]) -> list[Trial]:
    """The trials that a retry runs again: those that failed or were cancelled, and were not run again yet.

    Of a population only those of the newest generation: what failed before has been replaced.
    """
    repeated = {trial.notes.get(AGAIN) for trial in trials}
    undone = [trial for trial in trials if trial.state in _UNDONE and trial.number not in repeated]
    if spec.sampler != PBT:
        return undone
    newest = max((place_of(trial).generation for trial in trials), default=0)
    return [trial for trial in undone if place_of(trial).generation == newest]


def check_retry(study: JobRecord, spec: TuneSpec, trials: Sequence[Trial], more: int | None) -> None:
    """Whether a study can go on: with `more` trials, or, when that is None, with those that failed and that are missing.

    Raises:
        Conflict: it cannot.
        InvalidInput: so many trials are not possible.
    """
    if not study.status.ended:
        raise Conflict(f"study {study.id} is {study.status.value}; it can be retried when it has ended")
    if more is None:
        if not to_repeat(spec, trials) and len(trials) >= asked_for(spec, study.inputs):
            raise Conflict(
                f"study {study.id} is {study.status.value} and has no failed or missing trials to run; "
                "`tensorfleet studies retry STUDY --trials 10` makes 10 more"
            )
        return
    if spec.sampler == PBT:
        raise Conflict(
            f"study {study.id} trains a population, which ends with its last generation; submit one with more generations"
        )
    if not any(trial.state is TrialState.COMPLETED for trial in trials):
        raise Conflict(
            f"no trial of study {study.id} has completed; run those that failed again first, without trials"
        )
    if len(trials) + more > MOST_TRIALS:
        raise InvalidInput(
            f"trials: study {study.id} has {len(trials):,} of at most {MOST_TRIALS:,}, so {more:,} more are not possible"
        )
    tried = sum(AGAIN not in trial.notes for trial in trials)
    if spec.sampler == "grid" and tried >= (grid_size(parse_space(spec.space)) or 0):
        raise Conflict(f"study {study.id} has tried all combinations of its grid")
