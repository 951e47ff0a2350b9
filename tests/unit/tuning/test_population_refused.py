"""What cannot be trained as a population is refused at submission, by its field."""

from __future__ import annotations

from typing import Any

import pytest

from tensorfleet.composition import FleetInputs
from tensorfleet.errors import SpecInvalid
from tensorfleet.jobs.schemas import parse_spec

INPUTS: Any = FleetInputs(None, None, None)  # type: ignore[arg-type]
RATE = {"learning_rate": {"float": [1e-4, 0.1], "log": True}}


def study(algorithm: str = "mlp", hyperparameters: Any = None, **tune: Any) -> dict[str, Any]:
    part = {"space": RATE, "objective": {"metric": "accuracy", "direction": "maximize"}, "sampler": "pbt"}
    return {"name": "s", "kind": "tune", "algorithm": algorithm, "dataset": "digits",
            "hyperparameters": hyperparameters or {}, "tune": part | tune}  # fmt: skip


@pytest.mark.parametrize("algorithm", ["mlp", "cnn", "resnet18", "bert"])
def test_networks_can(algorithm: str) -> None:
    assert INPUTS.check_algorithm(parse_spec(study(algorithm))) == []


def test_so_can_descent_and_own_code() -> None:
    space = {"alpha": {"float": [1e-6, 1], "log": True}, "eta0": {"float": [0.001, 1]}}
    assert INPUTS.check_algorithm(parse_spec(study("sgd", space=space))) == []
    own = study() | {"entrypoint": "a.py", "code": {"digest": "0" * 64}, "algorithm": None}
    assert INPUTS.check_algorithm(parse_spec(own)) == []


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        (study("svm", space={"C": {"float": [1, 2]}}), "tune.sampler", "which svm cannot; use one of"),
        (study("random_forest", space={"max_depth": {"int": [1, 9]}}), "tune.sampler", "or own code"),
        (study(hyperparameters={"epochs": 5}), "hyperparameters.epochs", "10; leave epochs out"),
        (study(space={"epochs": {"int": [1, 5]}}), "tune.space.epochs", "mlp can change learning_rate"),
        (study(space={"hidden": {"choice": [[1], [2]]}}), "tune.space.hidden", "in the middle of a training"),
        (study(space={"dropout": {"float": [0, 0.5]}}), "tune.space.dropout", "let it begin above 0"),
        (study(space={"dropout": {"choice": [0.5, 0]}}), "tune.space.dropout", "let it begin above 0"),
        (study(space={"learning_rte": {"float": [1, 2]}}), "tune.space.learning_rte", "did you mean 'learning_rate'"),
    ],
)  # fmt: skip
def test_what_cannot(given: dict[str, Any], field: str, words: str) -> None:
    (error,) = INPUTS.check_algorithm(parse_spec(given))
    assert error.field == field
    assert words in error.message


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"pruner": "median"}, "tune", "pbt itself replaces what does badly"),
        ({"trials": 50}, "tune", "is 50, but 8 members in 10 generations are 80; leave it out"),
        ({"sampler": "tpe", "population": {}}, "tune", "belongs to sampler: pbt, but the sampler is tpe"),
        ({"population": {"size": 1}}, "tune.population.size", "greater than or equal to 2"),
        ({"population": {"size": 4.5}}, "tune.population.size", "valid integer"),
        ({"population": {"generations": 1}}, "tune.population.generations", "greater than or equal to 2"),
        ({"population": {"size": 1000, "generations": 11}}, "tune.population", "11,000 trials"),
        ({"population": {"generations": 2, "perturbation_interval": 10**6}}, "tune.population", "2,000,000"),
        ({"population": {"perturbation_interval": 0}}, "tune.population.perturbation_interval", "equal to 1"),
        ({"population": {"quantile_fraction": 0.6}}, "tune.population.quantile_fraction", "equal to 0.5"),
        ({"population": {"quantile_fraction": 0}}, "tune.population.quantile_fraction", "greater than 0"),
        ({"population": {"resample_probability": 2}}, "tune.population.resample_probability", "equal to 1"),
        ({"population": {"perturbation_factors": []}}, "tune.population.perturbation_factors", "at least 1"),
        ({"population": {"perturbation_factors": [-1]}}, "tune.population.perturbation_factors.0", "greater than 0"),
        ({"population": {"quantile_fraction": float("nan")}}, "tune.population.quantile_fraction", "nan"),
        ({"population": {"sise": 4}}, "tune.population.sise", "did you mean 'size'?"),
        ({"population": 4}, "tune.population", "4"),
        ({"objective": [{"metric": "a", "direction": "minimize"}, {"metric": "b", "direction": "minimize"}]}, "tune",
         "pbt takes one objective"),
    ],
)  # fmt: skip
def test_a_wrong_population_is_refused_by_its_field(change: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(SpecInvalid) as refused:
        parse_spec(study(**change))
    (error,) = refused.value.errors
    assert error.field == field
    assert words in error.message


def test_a_stored_study_is_read_again_as_it_was() -> None:
    stored = parse_spec(study(population={"size": 3, "generations": 4})).model_dump(mode="json")
    assert stored["tune"]["trials"] == 12
    assert parse_spec(stored).model_dump(mode="json") == stored
