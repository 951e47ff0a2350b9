"""What people read about studies: lists, trials, and the data of the usual plots."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tensorfleet.errors import Conflict, NotFound
from tensorfleet.jobs.model import JobRecord
from tensorfleet.jobs.ports import JobFilter
from tensorfleet.kit.clock import rfc3339
from tensorfleet.tuning.again import asked_for, check_retry
from tensorfleet.tuning.model import KIND, Trial, TrialState, best_of
from tensorfleet.tuning.population import place_of
from tensorfleet.tuning.ports import TrialStore
from tensorfleet.tuning.schemas import TuneSpec, trial_to_dict

ENOUGH_FOR_IMPORTANCE = 3
_CACHED = 100

Importance = Callable[[dict[str, Any], list[dict[str, Any]]], dict[str, float]]
"""From the `tune` part of a spec and its completed trials to a weight for each hyperparameter, which add up to 1."""


class Jobs(Protocol):
    """Where studies are read, which are jobs."""

    def get(self, job_id: str) -> JobRecord: ...
    def page(
        self, filters: JobFilter, limit: int, cursor: str | None, sort: str
    ) -> tuple[list[JobRecord], str | None]: ...
    def ask_tuner(self, study_id: str, intent: str, data: dict[str, Any]) -> None: ...


class StudyService:
    """Reads studies, and lets them go on.  They are submitted, cancelled, paused and resumed as jobs."""

    def __init__(self, jobs: Jobs, store: TrialStore, importance: Importance) -> None:
        self._jobs = jobs
        self._store = store
        self._importance = importance
        self._known: dict[tuple[str, int], dict[str, float]] = {}
        self._computing = threading.Lock()

    def page(
        self, filters: JobFilter, limit: int, cursor: str | None, sort: str = "-created_at"
    ) -> tuple[list[dict[str, Any]], str | None]:
        """One page of studies; the kind in `filters` is theirs."""
        found, following = self._jobs.page(filters, limit, cursor, sort)
        return [self._shown(study, self._store.trials(study.id)) for study in found], following

    def get(self, study_id: str) -> dict[str, Any]:
        study = self._study(study_id)
        return self._shown(study, self._store.trials(study.id))

    def retry(self, study_id: str, more: int | None) -> dict[str, Any]:
        """Asks the tuner to go on with a study that has ended; see `check_retry`."""
        study = self._study(study_id)
        trials = self._store.trials(study.id)
        check_retry(study, _tune(study), trials, more)
        self._jobs.ask_tuner(study.id, "retry", {"trials": more})
        return self._shown(study, trials)

    def lineage(self, study_id: str) -> list[dict[str, Any]]:
        """Of a population: each trial with the one from whose checkpoint it began, and what was changed then.

        Raises:
            Conflict: the study has no population.
        """
        study = self._study(study_id)
        if _tune(study).population is None:
            raise Conflict(
                f"study {study_id} has no lineage: its sampler is {_tune(study).sampler}, whose trials begin anew"
            )
        trials = self._store.trials(study.id)
        return [trial_to_dict(trial) | {"changes": _changes(trial, trials)} for trial in trials]

    def trials(self, study_id: str) -> list[dict[str, Any]]:
        return [trial_to_dict(trial) for trial in self._store.trials(self._study(study_id).id)]

    def history(self, study_id: str) -> list[dict[str, Any]]:
        """Each completed trial in the order in which they ended, with the best value up to it (of the first objective)."""
        study = self._study(study_id)
        maximize = _tune(study).objective[0].direction == "maximize"
        best: float | None = None
        shown = []
        for trial in sorted(
            _completed(self._store.trials(study.id)), key=lambda t: (t.finished_at, t.number)
        ):
            values = trial.values or ()
            better = best is None or (values[0] > best if maximize else values[0] < best)
            best = values[0] if better else best
            at = rfc3339(trial.finished_at)
            shown.append({"number": trial.number, "values": list(values), "best": best, "at": at})
        return shown

    def parallel(self, study_id: str) -> dict[str, Any]:
        """Parallel coordinates: the axes, and a line for each completed trial."""
        study = self._study(study_id)
        tune = _tune(study)
        lines = [
            {"number": trial.number, "params": trial.params, "values": list(trial.values or ())}
            for trial in _completed(self._store.trials(study.id))
        ]
        axes = [{"name": name, **given} for name, given in tune.space.items()]
        return {"axes": axes, "objectives": [one.model_dump() for one in tune.objective], "lines": lines}

    def importance(self, study_id: str) -> list[dict[str, Any]]:
        """How much each hyperparameter explains of the first objective, the most important first.

        Raises:
            Conflict: too few trials completed.
        """
        study = self._study(study_id)
        if _tune(study).population is not None:
            raise Conflict(
                f"study {study_id} trains a population, where a value hangs on the whole lineage; read that instead"
            )
        done = _completed(self._store.trials(study.id))
        if len(done) < ENOUGH_FOR_IMPORTANCE:
            raise Conflict(
                f"study {study_id} has {len(done)} completed trials; importance needs {ENOUGH_FOR_IMPORTANCE} or more"
            )
        key = (study.id, len(done))
        with self._computing:  # one at a time: each takes a core for seconds
            if key not in self._known:
                if len(self._known) >= _CACHED:
                    self._known.pop(next(iter(self._known)))
                shown = [trial_to_dict(trial) for trial in done]
                self._known[key] = self._importance(study.spec["tune"], shown)
        weights = sorted(self._known[key].items(), key=lambda item: -item[1])
        return [{"name": name, "importance": weight} for name, weight in weights]

    def _study(self, study_id: str) -> JobRecord:
        job = self._jobs.get(study_id)
        if job.kind != KIND:
            raise NotFound(f"job '{study_id[:80]}' is no study; its kind is {job.kind}")
        return job

    def _shown(self, study: JobRecord, trials: Sequence[Trial]) -> dict[str, Any]:
        tune = study.spec["tune"]
        directions = [one["direction"] for one in tune["objective"]]
        counts = Counter(trial.state.value for trial in trials)
        return {
            "study_id": study.id,
            "job_id": study.id,
            "name": study.name,
            "workspace": study.workspace,
            "status": study.status.value,
            "reason": study.reason,
            "progress": study.progress,
            "objective": tune["objective"],
            "sampler": tune["sampler"],
            "pruner": tune["pruner"],
            "population": tune.get("population"),
            "trials": asked_for(_tune(study), study.inputs),
            "counts": {state.value: counts[state.value] for state in TrialState},
            "best": [trial_to_dict(trial) for trial in best_of(trials, directions)],
            "model_name": study.model_name,
            "version": study.model_version,
            "created_at": rfc3339(study.created_at),
            "finished_at": rfc3339(study.finished_at),
            "space": tune["space"],
        }


def _changes(trial: Trial, trials: Sequence[Trial]) -> dict[str, Any]:
    """`{name: [before, after]}` of what differs from the trial that it goes on from."""
    parent = place_of(trial).parent
    if parent is None:
        return {}
    before = trials[parent].params
    return {name: [before[name], value] for name, value in trial.params.items() if value != before[name]}


def _tune(study: JobRecord) -> TuneSpec:
    return TuneSpec.model_validate(study.spec["tune"])


def _completed(trials: Sequence[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.state is TrialState.COMPLETED]
