"""Our questions are Optuna's: same sampler, same seed, same order of answers, same trials."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import optuna
import pytest

from tensorfleet.tuner.asker import Asker
from tensorfleet.tuning.model import Trial, TrialState
from tensorfleet.tuning.schemas import TuneSpec

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPACE = {
    "x": {"float": [-5, 5]},
    "rate": {"float": [1e-4, 1], "log": True},
    "layers": {"int": [1, 8]},
    "kind": {"choice": ["a", "b", "c"]},
}
COUNTABLE = {"x": {"float": [0, 2], "step": 0.5}, "kind": {"choice": ["a", "b", "c"]}}


def spec(sampler: str, *, pruner: str = "none", space: Any = None, objectives: int = 1) -> TuneSpec:
    objective = [{"metric": f"m{number}", "direction": "minimize"} for number in range(objectives)]
    return TuneSpec(space=space or SPACE, objective=objective, sampler=sampler, pruner=pruner)


def value(params: dict[str, Any]) -> float:
    penalty = {"a": 0.0, "b": 1.0, "c": 2.0}[params["kind"]]
    return params["x"] ** 2 + penalty + abs(math.log10(params.get("rate", 1))) + params.get("layers", 1) / 8


def asked(asker: Asker, count: int, values: int = 1) -> list[Trial]:
    found = []
    for _ in range(count):
        number, params, notes = asker.ask()
        trial = Trial("j-1", number, f"j-{number}", params, NOW, notes=notes)
        told = _ended(trial, values)
        asker.tell(told)
        found.append(told)
    return found


def _ended(trial: Trial, values: int) -> Trial:
    answer = tuple(value(trial.params) * (1 - 2 * number) for number in range(values))
    return replace(trial, state=TrialState.COMPLETED, values=answer)


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "x": trial.suggest_float("x", -5, 5),
        "rate": trial.suggest_float("rate", 1e-4, 1, log=True),
        "layers": trial.suggest_int("layers", 1, 8),
        "kind": trial.suggest_categorical("kind", ["a", "b", "c"]),
    }


SAMPLERS = {
    "tpe": lambda: optuna.samplers.TPESampler(seed=11),
    "random": lambda: optuna.samplers.RandomSampler(seed=11),
    "cmaes": lambda: optuna.samplers.CmaEsSampler(seed=11, warn_independent_sampling=False),
    "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=11),
}


@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_a_serial_study_asks_what_optuna_asks(sampler: str) -> None:
    study = optuna.create_study(sampler=SAMPLERS[sampler]())
    study.optimize(lambda trial: value(suggest(trial)), n_trials=30)

    ours = asked(Asker("j-1", spec(sampler), 11), 30)

    assert [trial.params for trial in ours] == [trial.params for trial in study.trials]
    best = min(ours, key=lambda trial: trial.values or ())
    assert (best.number, best.values) == (study.best_trial.number, (study.best_value,))


def test_a_grid_is_optunas_grid_and_goes_on_after_a_restart() -> None:
    grid = {"x": [0.0, 0.5, 1.0, 1.5, 2.0], "kind": ["a", "b", "c"]}
    study = optuna.create_study(sampler=optuna.samplers.GridSampler(grid, seed=11))
    study.optimize(
        lambda trial: (
            value({"x": trial.suggest_float("x", 0, 2, step=0.5), "kind": trial.suggest_categorical("kind", "abc")})
        )
    )  # fmt: skip

    first = asked(Asker("j-1", spec("grid", space=COUNTABLE), 11), 6)
    rest = asked(Asker("j-1", spec("grid", space=COUNTABLE), 11, first), 9)

    assert [trial.params for trial in (*first, *rest)] == [trial.params for trial in study.trials]


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes", "nsga2"])
def test_a_later_life_goes_on_with_new_trials(sampler: str) -> None:
    before = asked(Asker("j-1", spec(sampler), 11), 12)
    running = Trial("j-1", 12, "j-12", before[0].params, NOW)

    asker = Asker("j-1", spec(sampler), 11, [*before, running])
    after = asked(asker, 5)

    assert [trial.number for trial in after] == [13, 14, 15, 16, 17]
    known = [trial.params for trial in before]
    assert not [trial for trial in after if trial.params in known]
    asker.tell(_ended(running, 1))


OPTIONS = {
    "median": {"n_startup_trials": 2, "n_warmup_steps": 7, "interval_steps": 3, "n_min_trials": 2},
    "asha": {"min_resource": 2, "reduction_factor": 3, "min_early_stopping_rate": 1, "bootstrap_count": 1},
    "hyperband": {"min_resource": 2, "max_resource": 18, "reduction_factor": 4, "bootstrap_count": 1},
}


@pytest.mark.parametrize("pruner", list(OPTIONS))
@pytest.mark.parametrize("given", [True, False])
def test_a_pruner_stops_what_optunas_with_the_same_options_stops(pruner: str, given: bool) -> None:
    """The same curves in both; what of the options is not given is as Optuna has it."""
    options = OPTIONS[pruner] if given else {}
    kind = {
        "median": optuna.pruners.MedianPruner,
        "asha": optuna.pruners.SuccessiveHalvingPruner,
        "hyperband": optuna.pruners.HyperbandPruner,
    }[pruner]
    study = optuna.create_study(
        study_name="j-1", sampler=optuna.samplers.RandomSampler(seed=11), pruner=kind(**options)
    )
    part = spec("random", pruner=pruner).model_dump() | {"pruner_options": options}
    asker = Asker("j-1", TuneSpec.model_validate(part), 11)

    for number in range(24):
        theirs = study.ask({"x": optuna.distributions.FloatDistribution(-5, 5)})
        asker.ask()
        curve = [1.0 / (step + 1) + (number * 7 % 11) / 5 for step in range(20)]
        stops = []
        for step, given_value in enumerate(curve):
            theirs.report(given_value, step)
            stop = theirs.should_prune()
            assert asker.report(number, step, given_value) == stop
            stops.append(stop)
            if stop:
                break
        state = TrialState.PRUNED if stops[-1] else TrialState.COMPLETED
        study.tell(
            theirs,
            None if stops[-1] else curve[-1],
            state=optuna.trial.TrialState.PRUNED if stops[-1] else None,
        )
        asker.tell(Trial("j-1", number, f"j-{number}", {}, NOW, state, (curve[len(stops) - 1],)))
    pruned = [trial.last_step for trial in study.trials if trial.state.name == "PRUNED"]
    assert pruned, "something is pruned"
    if given and pruner == "median":
        assert min(pruned) >= 7


def test_several_objectives() -> None:
    first = asked(Asker("j-1", spec("nsga2", objectives=2), 11), 8, values=2)
    assert len({str(trial.params) for trial in first}) == 8
    again = asked(Asker("j-1", spec("nsga2", objectives=2), 11, first), 4, values=2)
    assert [trial.number for trial in again] == [8, 9, 10, 11]


def test_lists_and_mappings_are_choices_too() -> None:
    values = [[64], [128, 64], {"a": 1}]
    space = {"hidden": {"choice": values}}
    asker = Asker("j-1", spec("random", space=space), 1)
    params = [asker.ask()[1]["hidden"] for _ in range(20)]
    assert all(one in values for one in params)
    known = [Trial("j-1", 0, "j-0", {"hidden": [128, 64]}, NOW, TrialState.COMPLETED, (1.0,))]
    assert Asker("j-1", spec("tpe", space=space), 1, known).ask()[0] == 1


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("pruner", ["none", "median", "asha", "hyperband"])
def test_bad_trials_are_stopped_by_a_pruner(pruner: str, again: bool) -> None:
    """Eight good trials of 20 steps, then some that are worse at every step; in between the tuner may have died."""
    asker = Asker("j-1", spec("random", pruner=pruner), 1)
    known, reports = [], {}
    for _ in range(8):
        number, params, notes = asker.ask()
        reports[number] = {step: 1.0 / (step + 1) for step in range(20)}
        for step, given in reports[number].items():
            asker.report(number, step, given)
        trial = Trial("j-1", number, f"j-{number}", params, NOW, TrialState.COMPLETED, (0.05,), notes=notes)
        asker.tell(trial)
        known.append(trial)
    if again:
        asker = Asker("j-1", spec("random", pruner=pruner), 1, known, reports)

    stopped = []
    for _ in range(6):
        number, params, _ = asker.ask()
        step = next((step for step in range(20) if asker.report(number, step, 10.0)), None)
        if step is not None:
            stopped.append(Trial("j-1", number, f"j-{number}", params, NOW, TrialState.PRUNED, (10.0,)))
            asker.tell(stopped[-1])

    assert bool(stopped) == (pruner != "none")
    more = Asker(
        "j-1", spec("tpe"), 1, [*known, *(replace(one, number=8 + n) for n, one in enumerate(stopped))]
    )
    assert more.ask()[0] == 8 + len(stopped)
