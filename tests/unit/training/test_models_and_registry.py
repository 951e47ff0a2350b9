"""Loading models that anyone may have written, and validating what a job file asks for."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from skops.io import dumps

from tensorfleet.errors import InvalidInput
from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, write_task
from tensorfleet.training import registry
from tensorfleet.training.models import load_model, load_skops
from tensorfleet.training.run import run_task


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    folder = tmp_path_factory.mktemp("iris")
    task = write_task(folder, data=csv_bytes(sample_frame("iris")), algorithm="logistic_regression")
    assert run_task(task) == 0
    return model_folder(folder, read_outcome(task))


def test_every_form_of_input_gives_the_same(iris):
    frame = sample_frame("iris")[[0, 60, 120]]
    model = load_model(iris)
    expected = model.predict(frame).tolist()
    assert expected == [0, 1, 2]
    features = frame.drop("target")
    forms = [
        features.to_pandas(),
        features.to_dict(as_series=False),
        features.to_dicts(),
        features.to_numpy(),
        features.to_numpy().tolist(),
        features[:, ::-1],
        features.cast(pl.String),
    ]
    assert [model.predict(form).tolist() for form in forms] == [expected] * len(forms)
    assert model.predict(features.to_dicts()[0]).tolist() == [0]
    assert model.predict(features.to_numpy()[1]).tolist() == [1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"sepal length": [1.0]}, "column 'sepal length (cm)' is missing; did you mean 'sepal length'?"),
        (np.ones((2, 3)), "rows of 4 columns"),
        (None, "rows of 4 columns"),
        ([["a", "b", "c", "d"]], "needs values of type double, but holds"),
    ],
)
def test_wrong_input_is_told(iris, data, message):
    with pytest.raises(InvalidInput) as caught:
        load_model(iris).predict(data)
    assert message in str(caught.value)


def test_no_probabilities_is_told(tmp_path):
    task = write_task(tmp_path, data=csv_bytes(sample_frame("iris")), algorithm="svm")
    run_task(task)
    with pytest.raises(InvalidInput, match="gives no probabilities"):
        load_model(model_folder(tmp_path, read_outcome(task))).predict_proba(sample_frame("iris"))


@pytest.mark.parametrize("content", [None, b"", b"flavors: {}", b"a: [", b"\x00"])
def test_a_foreign_folder_is_told(tmp_path, content):
    if content is not None:
        (tmp_path / "MLmodel").write_bytes(content)
    with pytest.raises(InvalidInput, match="holds no model that TensorFleet wrote"):
        load_model(tmp_path)


class NotAllowed:
    """A type of somebody's own."""


def test_other_types_are_refused_whatever_the_folder_says():
    with pytest.raises(InvalidInput, match="NotAllowed"):
        load_skops(dumps(Pipeline([("x", NotAllowed())])))


def test_functions_are_refused():
    schema = json.loads(zipfile.ZipFile(io.BytesIO(dumps([1]))).read("schema.json"))
    schema["content"] = [
        {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "__id__": 1}
    ]
    crafted = io.BytesIO()
    with zipfile.ZipFile(crafted, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    with pytest.raises(InvalidInput, match="system"):
        load_skops(crafted.getvalue())


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    ("field", "value"), [("left_child", 10_000), ("left_child", 0), ("feature", 99), ("feature", -9)]
)
def test_trees_that_point_outside_are_refused(field, value, nested):
    X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    forest = RandomForestClassifier(2, random_state=0).fit(X, y)
    assert load_skops(dumps(forest)).predict(X).tolist() == forest.predict(X).tolist()
    forest.estimators_[1].tree_.__getstate__()["nodes"][field][0] = value
    with pytest.raises(InvalidInput, match="tree"):
        load_skops(dumps(Pipeline([("m", forest), ("n", "passthrough")]) if nested else forest))


@pytest.mark.parametrize(("field", "value"), [("left", 60_000), ("right", 0), ("feature_idx", 99)])
def test_boosted_trees_that_point_outside_are_refused(field, value):
    X, y = np.random.default_rng(0).normal(size=(90, 3)), np.arange(90) % 2
    model = HistGradientBoostingClassifier(max_iter=2).fit(X, y)
    model._predictors[1][0].nodes[field][0] = value
    with pytest.raises(InvalidInput, match="tree"):
        load_skops(dumps(model))


def test_the_catalogue_is_light():
    code = (
        "import sys; from tensorfleet.training import registry; registry.catalogue();"
        "registry.validate('mlp', {}); import tensorfleet.train, tensorfleet.training.models;"
        "heavy = {'numpy', 'sklearn', 'torch', 'polars', 'skops', 'fastapi', 'sqlalchemy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_algorithm_has_working_defaults():
    for entry in registry.catalogue():
        assert registry.validate(entry["name"], entry["defaults"]) == []


@pytest.mark.parametrize(
    ("algorithm", "hyperparameters", "workers", "field", "message"),
    [
        ("random_forrest", {}, 1, "algorithm", "did you mean 'random_forest'?"),
        ("mlp", {"epoch": 3}, 1, "hyperparameters.epoch", "did you mean 'epochs'?"),
        ("mlp", {"epochs": 0}, 1, "hyperparameters.epochs", "greater than or equal to 1, but is 0"),
        ("mlp", {"hidden": [8, -1]}, 1, "hyperparameters.hidden.1", "but is -1"),
        ("svm", {"kernel": "x" * 500}, 1, "hyperparameters.kernel", "but is 'xxx"),
        ("svm", {"gamma": -1}, 1, "hyperparameters.gamma", "-1"),
        ("knn", {}, 2, "resources.workers", "an algorithm that distributes: random_forest"),
    ],
)
def test_what_is_wrong_is_named(algorithm, hyperparameters, workers, field, message):
    (error,) = registry.validate(algorithm, hyperparameters, workers)
    assert error.field == field
    assert message in error.message
    assert len(error.message) < 300
