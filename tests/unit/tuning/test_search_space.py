"""The search space: what is written in the job file, what is refused, and what an algorithm would refuse later."""

from __future__ import annotations

from typing import Any

import pytest

from tensorfleet.errors import SpecInvalid
from tensorfleet.jobs.schemas import parse_spec
from tensorfleet.training import registry
from tensorfleet.tuning.space import (
    Choice,
    FloatRange,
    IntRange,
    grid_points,
    grid_size,
    parse_range,
    parse_space,
    space_errors,
)

OBJECTIVE = {"metric": "accuracy", "direction": "maximize"}


def study(**tune: Any) -> dict[str, Any]:
    part = {"space": {"C": {"float": [0.1, 10]}}, "objective": OBJECTIVE, **tune}
    return {"name": "s", "kind": "tune", "algorithm": "svm", "dataset": "wine", "tune": part}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"float": [0, 1]}, FloatRange(0.0, 1.0)),
        ({"float": [1e-5, 1], "log": True}, FloatRange(1e-5, 1.0, log=True)),
        ({"float": [0, 0.9], "step": 0.3}, FloatRange(0.0, 0.8999999999999999, step=0.3)),
        ({"float": [2, 2], "step": 0.3}, FloatRange(2.0, 2.0, step=0.3)),
        ({"float": [0, 0.3], "step": 0.1}, FloatRange(0.0, 0.30000000000000004, step=0.1)),
        ({"int": [1, 9], "step": 2}, IntRange(1, 9, step=2)),
        ({"int": [1, 1000], "log": True}, IntRange(1, 1000, log=True)),
        ({"choice": ["a", [1, 2], None]}, Choice(("a", [1, 2], None))),
    ],
)
def test_ranges_as_they_are_written(given: Any, found: Any) -> None:
    assert parse_range(given) == found


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (3, "is '3', not a range; write"),
        ({"floot": [0, 1]}, "one of float, int and choice"),
        ({"float": [0, 1], "int": [0, 1]}, "one of float, int and choice"),
        ({"float": [0, 1], "lgo": True}, "there is no 'lgo' in a float; did you mean 'log'?"),
        ({"choice": [1], "log": True}, "there is no 'log' in a choice"),
        ({"float": [1]}, r"\[low, high\], two finite numbers"),
        ({"float": [0, float("inf")]}, "two finite numbers"),
        ({"float": [0, True]}, "two finite numbers"),
        ({"int": [0, 1.5]}, "two whole numbers"),
        ({"int": [0, 2**60]}, "two whole numbers"),
        ({"float": [2, 1]}, "low is 2, more than high, 1"),
        ({"float": [0, 1], "log": True}, "a low of more than 0"),
        ({"int": [0, 5], "log": True}, "a low of 1 or more"),
        ({"float": [1, 2], "log": "yes"}, "write true or false"),
        ({"float": [1, 2], "log": True, "step": 0.1}, "exclude each other"),
        ({"float": [1, 2], "step": 0}, "step has to be a positive number"),
        ({"int": [1, 2], "step": 0.5}, "step has to be a positive whole number"),
        ({"float": [0, 1], "step": 1e-12}, "at most 100,000"),
        ({"float": [-1e308, 1e308]}, "too wide"),
        (
            {"float": [0, 1], "step": 0.3},
            "step 0.3 leads from 0 to 0.9 and not to 1; write one of them as high",
        ),
        ({"float": [0, 1], "step": 2}, "step 2 leads from 0 to 0 and not to 1"),
        ({"int": [1, 10], "step": 2}, "step 2 leads from 1 to 9 and not to 10"),
        ({"float": [0, 10**9], "step": 1}, "at most 100,000"),
        ({"float": [0, 1], "step": "0.1"}, "a positive number"),
        ({"float": [0, 1], "step": True}, "a positive number"),
        ({"float": [0, 1], "step": float("nan")}, "a positive number"),
        ({"int": [0, 4], "step": -1}, "a positive whole number"),
        ({"float": ["0", "1"]}, "two finite numbers"),
        ({"float": [1e-5, 1], "log": 1}, "write true or false"),
        ({"float": [-1, 1], "log": True}, "a low of more than 0, but it is -1"),
        ({"float": {"low": 0, "high": 1}}, r"\[low, high\]"),
        ([0, 1], "not a range"),
        (None, "not a range"),
        ({}, "one of float, int and choice"),
        ({"choice": {"a": 1}}, "a list of 1 to 1000 values"),
        ({"choice": list(range(1001))}, "a list of 1 to 1000 values"),
        ({"choice": [[1, float("inf")]]}, "no finite number"),
        ({"choice": [float("nan")]}, "no finite number"),
        ({"choice": []}, "a list of 1 to 1000 values"),
        ({"choice": "abc"}, "a list of 1 to 1000 values"),
        ({"choice": [1, 1]}, "choice has 1 twice"),
    ],
)
def test_what_is_no_range_says_why(given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_range(given)


@pytest.mark.parametrize("values", [[1, True], [1, 1.0], [[1], "[1]"], ["a", "a"]])
def test_choices_that_a_sampler_cannot_tell_apart_are_refused(values: list[Any]) -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_range({"choice": values})


def test_lists_and_mappings_come_back_from_a_sampler_as_they_were() -> None:
    choice = Choice(("a", [64, 32], {"b": 1}, None))
    assert choice.labels() == ["a", "[64, 32]", '{"b": 1}', None]
    assert [choice.of_label(label) for label in choice.labels()] == list(choice.values)


def test_a_grid_has_every_combination() -> None:
    space = parse_space({"a": {"int": [1, 5], "step": 2}, "b": {"choice": ["x", "y"]}})
    assert grid_size(space) == 6
    assert grid_points(space)[:3] == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 3, "b": "x"}]
    assert grid_size(parse_space({"a": {"float": [0, 1]}})) is None


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"space": {"C": {"float": [1, 0]}}}, "tune.space.C", "low is 1, more than high, 0"),
        ({"space": {}}, "tune.space", "at least 1"),
        ({"objektive": OBJECTIVE}, "tune.objektive", "did you mean 'objective'?"),
        ({"objective": {"metric": "accuracy"}}, "tune.objective.0.direction", "is required"),
        ({"objective": [OBJECTIVE, OBJECTIVE]}, "tune", "the same metric twice"),
        (
            {"objective": [OBJECTIVE, {**OBJECTIVE, "metric": "f1"}], "sampler": "cmaes"},
            "tune",
            "cmaes takes one objective",
        ),
        (
            {"objective": [OBJECTIVE, {**OBJECTIVE, "metric": "f1"}], "pruner": "median"},
            "tune",
            "median takes one objective",
        ),
        ({"sampler": "tpee"}, "tune.sampler", "'tpe'"),
        ({"sampler": "grid"}, "tune", "give each float a step"),
        (
            {"sampler": "grid", "space": {"a": {"int": [1, 1000]}, "b": {"int": [1, 1000]}}},
            "tune",
            "grid has 1,000,000 combinations, and at most 100,000 are possible",
        ),
        ({"space": [1]}, "tune.space", "dictionary"),
        ({"space": {"": {"int": [1, 2]}}}, "tune.space.", "at least 1 character"),
        ({"space": {"a" * 201: {"int": [1, 2]}}}, "tune.space." + "a" * 201, "at most 200 characters"),
        ({"objective": []}, "tune.objective", "at least 1"),
        ({"objective": "accuracy"}, "tune.objective.0", "Objective"),
        ({"objective": {"metric": "", "direction": "minimize"}}, "tune.objective.0.metric", "at least 1"),
        ({"objective": {"metric": "a", "direction": "up"}}, "tune.objective.0.direction", "'maximize'"),
        ({"seed": -1}, "tune.seed", "greater than or equal to 0"),
        ({"parallel": True}, "tune.parallel", "valid integer"),
        ({"trials": 0}, "tune.trials", "greater than or equal to 1"),
        ({"trials": "many"}, "tune.trials", "valid integer"),
        ({"parallel": 1000}, "tune.parallel", "256"),
        ({"timeout": float("inf")}, "tune.timeout", "less than or equal to"),
        ({"timeout": "soon"}, "tune.timeout", "not a duration"),
    ],
)
def test_a_wrong_study_is_refused_by_its_field(change: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(SpecInvalid) as refused:
        parse_spec(study(**change))
    (error,) = refused.value.errors
    assert error.field == field
    assert words in error.message


@pytest.mark.parametrize(
    ("pruner", "options", "words"),
    [
        ("none", {"n_warmup_steps": 1}, "none has no n_warmup_steps; it has no options"),
        (
            "median",
            {"min_resource": 1},
            "median has no min_resource; it has n_startup_trials, n_warmup_steps",
        ),
        ("asha", {"n_startup_trials": 1}, "asha has no n_startup_trials"),
        ("median", {"n_warmup_step": 1}, "did you mean 'n_warmup_steps'?"),
        ("median", {"n_warmup_steps": -1}, "greater than or equal to 0"),
        ("median", {"n_warmup_steps": "3"}, "valid integer"),
        ("median", {"interval_steps": 0}, "greater than or equal to 1"),
        ("asha", {"reduction_factor": 1}, "greater than or equal to 2"),
        ("asha", {"reduction_factor": 2.5}, "valid integer"),
        ("asha", {"bootstrap_count": 2}, "bootstrap_count needs min_resource as a number"),
        ("hyperband", {"min_resource": 9, "max_resource": 3}, "min_resource is 9, more than max_resource, 3"),
        ("hyperband", {"min_resource": "auto"}, "which hyperband cannot"),
        ("hyperband", {"bootstrap_count": 2}, "bootstrap_count needs max_resource as a number"),
        ("hyperband", {"max_resource": "much"}, "should be a whole number from 1 on, or auto, but is 'much'"),
        ("asha", {"min_resource": 0}, "should be a whole number from 1 on, or auto, but is '0'"),
        ("asha", {"min_resource": True}, "or auto, but is 'True'"),
        ("median", [1], "dictionary"),
    ],
)
def test_wrong_options_of_a_pruner_are_refused(pruner: str, options: Any, words: str) -> None:
    with pytest.raises(SpecInvalid) as refused:
        parse_spec(study(pruner=pruner, pruner_options=options))
    (error,) = refused.value.errors
    assert error.field.startswith("tune")
    assert words in error.message


def test_tune_and_its_kind_belong_together() -> None:
    with pytest.raises(SpecInvalid, match="tune: is required for kind: tune"):
        parse_spec({"name": "s", "kind": "tune", "algorithm": "svm", "dataset": "wine"})
    with pytest.raises(SpecInvalid, match="belongs to kind: tune"):
        parse_spec({**study(), "kind": "train"})
    with pytest.raises(SpecInvalid, match=r"'C' is in tune\.space too"):
        parse_spec({**study(), "hyperparameters": {"C": 1}})


def test_a_space_is_checked_against_the_algorithm() -> None:
    space = parse_space(
        {
            "C": {"float": [-1, 10]},
            "kernel": {"choice": ["rbf", "cubic"]},
            "gama": {"float": [0.1, 1]},
            "degree": {"int": [1, 5]},
        }
    )
    found = space_errors(space, {}, lambda given: registry.validate_hyperparameters("svm", given))
    assert [error.field for error in found] == ["tune.space.C", "tune.space.kernel", "tune.space.gama"]
    assert "greater than 0, but is -1" in found[0].message
    assert "'cubic'" in found[1].message
    assert "did you mean 'gamma'?" in found[2].message
