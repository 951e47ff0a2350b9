"""Optuna behind four verbs: ask, report, tell, and take up trials of an earlier life.

All that it knows is in memory and can be made again from the rows of the trials.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState as OptunaState
from optuna.trial import create_trial

from tensorfleet.tuning.distributions import distribution_of, inward
from tensorfleet.tuning.model import AGAIN, Trial, TrialState
from tensorfleet.tuning.schemas import TuneSpec
from tensorfleet.tuning.space import Choice, Range, parse_space

optuna.logging.set_verbosity(optuna.logging.ERROR)

_STATES = {
    TrialState.RUNNING: OptunaState.RUNNING,
    TrialState.COMPLETED: OptunaState.COMPLETE,
    TrialState.PRUNED: OptunaState.PRUNED,
    TrialState.FAILED: OptunaState.FAIL,
    TrialState.CANCELLED: OptunaState.FAIL,
}
_NOT_KEPT = ("cma:optimizer", "search_space", "grid_id")
"""Notes of samplers that are made again: CMA-ES's state is a pickle, and follows from the trials of its generations; the
grid's follow from the number."""


class _Grid(optuna.samplers.GridSampler):
    """Optuna's, in its order; the study itself knows when it is through.

    Attributes:
        repeated: how many of the trials so far took no combination, but repeated an earlier one.
    """

    repeated = 0

    def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        study._storage.set_trial_system_attr(trial._trial_id, "grid_id", trial.number - self.repeated)

    def after_trial(self, *_: Any) -> None:
        return


class Asker:
    """One study's sampler and pruner.

    Args:
        seed: of the sampler; with the same one a serial study asks what Optuna asks.
        known: the trials so far, by number.
        reports: `{number: {step: value}}`, what they reported of the objective, for the pruner.
    """

    def __init__(
        self,
        name: str,
        spec: TuneSpec,
        seed: int,
        known: Sequence[Trial] = (),
        reports: dict[int, dict[int, float]] | None = None,
    ) -> None:
        self._space = parse_space(spec.space)
        self._distributions = {key: distribution_of(one) for key, one in self._space.items()}
        self._storage = InMemoryStorage()
        directions = [one.direction for one in spec.objective]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            sampler = _sampler(spec, self._space, seed, known)
            self._study = optuna.create_study(
                study_name=name,
                storage=self._storage,
                sampler=sampler,
                pruner=_pruner(spec.pruner, spec.pruner_options.given()),
                directions=directions,
            )
        self._ids: list[int] = []
        for trial in known:
            self._take_up(trial, (reports or {}).get(trial.number, {}))

    def _take_up(self, trial: Trial, reports: dict[int, float]) -> None:
        """Adds a trial of an earlier life.  What it reported is reported again: pruners note what they made of it."""
        begun = replace(trial, state=TrialState.RUNNING, values=None) if reports else trial
        self._study.add_trial(self._frozen(begun))
        self._ids.append(
            self._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, trial.number)
        )
        for step, value in reports.items():
            self.report(trial.number, step, value)
        if reports and trial.state.ended:
            self.tell(trial)

    def ask(self) -> tuple[int, dict[str, Any], dict[str, Any]]:
        """A new trial: its number, its hyperparameters, and notes to be kept with it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial = self._study.ask(fixed_distributions=self._distributions)
        self._ids.append(trial._trial_id)
        params = {key: self._outward(key, value) for key, value in trial.params.items()}
        return trial.number, params, _notes(self._storage.get_trial(trial._trial_id).system_attrs)

    def report(self, number: int, step: int, value: float) -> bool:
        """Takes an intermediate value; True when the trial had better stop."""
        trial_id = self._ids[number]
        self._storage.set_trial_intermediate_value(trial_id, step, value)
        return bool(self._study.pruner.prune(self._study, self._storage.get_trial(trial_id)))

    def tell(self, trial: Trial) -> None:
        """Takes the end of a trial that was asked for."""
        values = list(trial.values) if trial.state is TrialState.COMPLETED and trial.values else None
        self._study.tell(trial.number, values, _STATES[trial.state])

    def _outward(self, key: str, value: Any) -> Any:
        one = self._space[key]
        return one.of_label(value) if isinstance(one, Choice) else value

    def _frozen(self, trial: Trial) -> optuna.trial.FrozenTrial:
        return create_trial(
            state=_STATES[trial.state],
            values=list(trial.values) if trial.values is not None else None,
            params={key: inward(value) for key, value in trial.params.items()},
            distributions=self._distributions,
            system_attrs=trial.notes,
        )


def _notes(attrs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attrs.items() if not key.startswith(_NOT_KEPT)}


def _sampler(spec: TuneSpec, space: dict[str, Range], seed: int, known: Sequence[Trial]) -> BaseSampler:
    samplers = optuna.samplers
    if spec.sampler == "grid":  # its order hangs on the seed, and has to be the same in each life
        grid = _Grid({key: _grid_values(one) for key, one in space.items()}, seed=seed)
        grid.repeated = sum(AGAIN in trial.notes for trial in known)
        return grid
    # A stream of random numbers cannot be taken up in its middle: a later life draws from another one.
    seed = (seed + 7919 * len(known)) % 2**32
    if spec.sampler == "tpe":
        return samplers.TPESampler(seed=seed)
    if spec.sampler == "random":
        return samplers.RandomSampler(seed=seed)
    if spec.sampler == "cmaes":
        return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    if spec.sampler == "gp":
        return samplers.GPSampler(seed=seed, warn_independent_sampling=False)
    return samplers.NSGAIISampler(seed=seed)


def _grid_values(one: Range) -> list[Any]:
    return one.labels() if isinstance(one, Choice) else one.grid() or []


def _pruner(name: str, options: dict[str, Any]) -> optuna.pruners.BasePruner:
    pruners: dict[str, Callable[..., optuna.pruners.BasePruner]] = {
        "none": optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "asha": optuna.pruners.SuccessiveHalvingPruner,
        "hyperband": optuna.pruners.HyperbandPruner,
    }
    return pruners[name](**options)
