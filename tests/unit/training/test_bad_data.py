"""Data that is odd where nobody looks: each is taken, or told in one sentence."""

import numpy as np
import polars as pl
import pytest

from tensorfleet.errors import InvalidInput
from tensorfleet.testing.frames import parquet_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, write_task
from tensorfleet.training.algorithm import SklearnAlgorithm
from tensorfleet.training.models import load_model
from tensorfleet.training.registry import BUILT_IN
from tensorfleet.training.run import run_task

CLASSIFIERS = [
    one.name for one in BUILT_IN if isinstance(one, SklearnAlgorithm) and "classification" in one.tasks
]
FEATURES = {"x": 1.0, "z": 2.0}


def train(folder, frame, **task):
    task = {"target": "target", **task}
    task_dir = write_task(folder, data=parquet_bytes(frame), data_format="parquet", **task)
    run_task(task_dir)
    return read_outcome(task_dir)


def points(rows=60):
    random = np.random.default_rng(1)
    x = random.normal(size=rows)
    return pl.DataFrame({"x": x, "z": random.normal(size=rows), "target": (x > 0).astype(int)})


@pytest.mark.parametrize("algorithm", CLASSIFIERS)
def test_a_class_that_no_training_row_has(tmp_path, capsys, algorithm):
    """By time, the newest rows are the only ones of the third class."""
    target = pl.when(pl.int_range(60) < 55).then("target").otherwise(2)
    frame = points().with_columns(target=target, day=pl.int_range(60))
    outcome = train(tmp_path, frame, algorithm=algorithm, split={"by": "time", "column": "day"})
    assert outcome["status"] == "succeeded", outcome
    assert outcome["evaluation"]["labels"] == [0, 1, 2]
    assert outcome["evaluation"]["confusion"][2][2] == 0
    assert outcome["model"]["classes"] == [0, 1]
    assert "no training row has the target 2" in capsys.readouterr().out


def test_one_class_among_the_training_rows(tmp_path):
    frame = pl.DataFrame({"x": range(40), "target": [0] * 32 + [1] * 8})
    outcome = train(tmp_path, frame, algorithm="knn", split={"by": "time", "column": "x"})
    assert outcome["class"] == "data"
    assert "has one class only among the training rows" in outcome["message"]


def test_one_class_in_a_fold(tmp_path):
    frame = pl.DataFrame({"x": range(60), "target": [0] * 30 + [0, 1] * 15})
    task = {"split": {"by": "time", "column": "x"}, "evaluation": {"folds": 3}}
    outcome = train(tmp_path, frame, algorithm="logistic_regression", **task)
    assert outcome["class"] == "data"
    assert "one class" in outcome["message"]
    assert "\n" not in outcome["message"]


@pytest.mark.parametrize("algorithm", CLASSIFIERS)
def test_numbers_that_are_missing_in_held_out_rows_only(tmp_path, algorithm):
    frame = points().with_columns(x=pl.when(pl.int_range(60) < 55).then("x"), day=pl.int_range(60))
    outcome = train(tmp_path, frame, algorithm=algorithm, split={"by": "time", "column": "day"})
    assert outcome["status"] == "succeeded", outcome
    model = load_model(model_folder(tmp_path, outcome))
    assert model.predict(
        [{"x": None, "z": 1.0, "day": 1}, {"x": float("nan"), "z": 1.0, "day": 1}]
    ).shape == (2,)


@pytest.mark.parametrize("value", [None, float("nan"), ""])
@pytest.mark.parametrize("algorithm", ["logistic_regression", "knn", "svm", "naive_bayes"])
def test_a_gap_at_prediction_that_nothing_fills(tmp_path, algorithm, value):
    outcome = train(tmp_path, points(), algorithm=algorithm)
    model = load_model(model_folder(tmp_path, outcome))
    with pytest.raises(InvalidInput) as caught:
        model.predict([FEATURES, FEATURES | {"z": value}])
    if value == "":
        assert str(caught.value).startswith("column 'z' needs values of type double")
    else:
        assert str(caught.value) == (
            "column 'z' is missing in row 1, and the model was trained without gaps; fill it in"
        )


def test_a_column_that_turns_up_missing_at_prediction(tmp_path):
    model = load_model(model_folder(tmp_path, train(tmp_path, points(), algorithm="knn")))
    with pytest.raises(InvalidInput) as caught:
        model.predict({"x": [1.0], "zz": [2.0]})
    assert str(caught.value) == "column 'z' is missing; did you mean 'zz'?"


@pytest.mark.parametrize("algorithm", ["kmeans", "pca", "isolation_forest", "dbscan"])
def test_gaps_without_a_target(tmp_path, algorithm):
    frame = sample_frame("iris").rename({"sepal length (cm)": "a"})
    frame = frame.with_columns(a=pl.when(pl.int_range(150) % 7 > 0).then("a"))
    outcome = train(tmp_path, frame, algorithm=algorithm)
    assert outcome["status"] == "succeeded", outcome
    load_model(model_folder(tmp_path, outcome)).predict(frame)
