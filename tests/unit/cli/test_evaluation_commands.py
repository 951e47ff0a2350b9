"""`tensorfleet algorithms` and `tensorfleet jobs evaluation`."""

import json

import numpy as np
import pytest

from tensorfleet.cli.algorithms import typed
from tensorfleet.training import curves
from tensorfleet.training.registry import ALGORITHMS


def test_the_catalogue_is_listed(run):
    shown = run("algorithms").stdout
    assert all(name in shown for name in ALGORITHMS)
    assert {one["name"] for one in json.loads(run("algorithms", "--json").stdout)} == set(ALGORITHMS)


def test_one_algorithm_shows_its_hyperparameters(run):
    shown = run("algorithms", "random_forest").stdout
    assert "several can train one model" in shown
    for part in ("n_estimators", "integer >= 1 <= 100000", "100", "sqrt | log2 or number > 0 <= 1 or null"):
        assert part in shown
    assert json.loads(run("algorithms", "knn", "--json").stdout)["defaults"]["n_neighbors"] == 5


def test_an_unknown_algorithm_is_told(run):
    result = run("algorithms", "random_forrest")
    assert result.exit_code == 1
    assert "did you mean 'random_forest'?" in result.stderr


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_can_be_shown(run, name):
    result = run("algorithms", name)
    assert result.exit_code == 0
    assert all(field in result.stdout for field in ALGORITHMS[name].params.model_fields)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "array", "items": {"type": "integer", "minimum": 1}}, "list of integer >= 1"),
        ({"$ref": "#/$defs/X"}, "number < 2"),
        ({"const": "auto"}, "auto"),
        ({}, "any"),
    ],
)
def test_types_in_words(schema, words):
    assert typed(schema, {"X": {"type": "number", "exclusiveMaximum": 2}}) == words


def answer(job_id, **evaluation):
    return {"job_id": job_id, "metrics": {"accuracy": 0.9}, "evaluation": evaluation}


def test_classes_are_shown(run, gateway):
    job_id = gateway.add_job(name="flowers")["job_id"]
    truth = np.array(["a", "b"] * 20)
    chances = np.linspace(0.1, 0.9, 40)
    _, details = curves.of_classes(truth, np.array(["a", "b"]), np.stack([1 - chances, chances], axis=1))
    details["importance"] = {"by": "impurity", "columns": [{"column": "petal", "importance": 0.75}]}
    split = {"by": "time", "column": "day", "rows": {"train": 160, "validation": 0, "test": 40}}
    folds = {"folds": 5, "metrics": {"accuracy": {"mean": 0.875, "std": 0.01, "values": []}}}
    gateway.evaluations[job_id] = answer(
        job_id,
        task="classification",
        target="kind",
        split=split,
        labels=["a", "b"],
        confusion=[[17, 3], [1, 19]],
        cross_validation=folds,
        details=details,
    )
    shown = run("jobs", "evaluation", "flowers").stdout
    for part in ("time of day: 160 train, 40 test", "0.875", "17", "petal", "0.75", "█", "0.8 to 0.9"):
        assert part in shown
    assert json.loads(run("jobs", "evaluation", job_id, "--json").stdout) == gateway.evaluations[job_id]


def test_numbers_are_shown(run, gateway):
    job_id = gateway.add_job(name="homes")["job_id"]
    _, details = curves.of_numbers(np.arange(50.0), np.arange(50.0)[::-1])
    gateway.evaluations[job_id] = answer(job_id, task="regression", target="price", details=details)
    shown = run("jobs", "evaluation", "homes").stdout
    assert "RESIDUAL" in shown
    assert "-49 to" in shown


def test_clusters_are_shown(run, gateway):
    job_id = gateway.add_job(name="groups")["job_id"]
    gateway.evaluations[job_id] = answer(job_id, task="clustering", target=None, rows=150)
    assert "clustering" in run("jobs", "evaluation", "groups").stdout


def test_no_evaluation_is_told(run, gateway):
    job_id = gateway.add_job(name="new")["job_id"]
    result = run("jobs", "evaluation", job_id)
    assert result.exit_code == 1
    assert "has no evaluation" in result.stderr
