"""What boosting and networks make of odd rows: each is taken, or told in one sentence, as scikit-learn's algorithms do."""

import numpy as np
import polars as pl
import pytest

from tensorfleet.errors import InvalidInput
from tensorfleet.testing.frames import parquet_bytes
from tensorfleet.testing.tasks import model_folder, read_outcome, write_task
from tensorfleet.training.models import load_model
from tensorfleet.training.run import run_task

QUICK = {
    "xgboost": {"n_estimators": 3},
    "lightgbm": {"n_estimators": 3, "min_child_samples": 1},
    "mlp": {"hidden": [8], "epochs": 2},
}
BY_TIME = {"by": "time", "column": "day"}


def days(target):
    random = np.random.default_rng(1)
    rows = len(target)
    return pl.DataFrame({"x": random.normal(size=rows), "day": range(rows), "target": target})


def train(folder, frame, **task):
    task = write_task(folder, target="target", data=parquet_bytes(frame), data_format="parquet", **task)
    run_task(task)
    return read_outcome(task)


@pytest.mark.parametrize("algorithm", QUICK)
def test_a_class_that_only_held_out_rows_have(tmp_path, algorithm):
    frame = days(["a", "b"] * 50 + ["c"] * 5)
    task = {"algorithm": algorithm, "hyperparameters": QUICK[algorithm], "split": BY_TIME}
    outcome = train(tmp_path, frame, **task)
    assert outcome["status"] == "succeeded", outcome
    assert outcome["evaluation"]["labels"] == ["a", "b", "c"]
    assert outcome["evaluation"]["confusion"][2][2] == 0


@pytest.mark.parametrize("algorithm", QUICK)
def test_a_class_that_no_row_to_learn_from_has(tmp_path, algorithm):
    frame = days([0] * 80 + [0, 1] * 10)
    task = {"algorithm": algorithm, "hyperparameters": QUICK[algorithm], "split": BY_TIME}
    outcome = train(tmp_path, frame, **task)
    assert (outcome["status"], outcome["class"]) == ("failed", "data")
    assert "one class only among the training rows" in outcome["message"]


@pytest.mark.parametrize("algorithm", QUICK)
def test_what_does_not_fit_the_columns_at_prediction(tmp_path, algorithm):
    outcome = train(tmp_path, days([0, 1] * 30), algorithm=algorithm, hyperparameters=QUICK[algorithm])
    model = load_model(model_folder(tmp_path, outcome))
    assert len(model.predict({"x": [0.5], "day": [3], "more": ["unused"]})) == 1
    for data, words in (
        ({"x": [0.5]}, "column 'day' is missing"),
        ({"x": ["red"], "day": [3]}, "column 'x' needs values of type double, but holds ['red']"),
        ([[0.5, 3, 1]], "rows of 2 columns"),
    ):
        with pytest.raises(InvalidInput) as caught:
            model.predict(data)
        assert words in str(caught.value)


def test_a_loss_that_is_no_number(tmp_path):
    hyper = {"hidden": [8], "epochs": 60, "learning_rate": 100.0, "weight_decay": 0.9}
    frame = days(np.random.default_rng(2).normal(size=100))
    outcome = train(tmp_path, frame, algorithm="mlp", hyperparameters=hyper)
    assert outcome["class"] == "user_error", outcome
    assert "lower hyperparameters.learning_rate" in outcome["message"]


@pytest.mark.parametrize("column", ["x", "target"])
@pytest.mark.parametrize("algorithm", ["mlp", "xgboost", "random_forest"])
def test_numbers_that_nothing_can_compute_with(tmp_path, algorithm, column):
    frame = days(np.random.default_rng(2).normal(size=40)).with_columns(pl.col(column) * 1e300)
    outcome = train(tmp_path, frame, algorithm=algorithm)
    assert outcome["class"] == "data", outcome
    assert f"column '{column}' holds a number as large as" in outcome["message"]
