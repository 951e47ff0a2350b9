"""The scikit-learn algorithms, from a task folder to an outcome and a model that predicts."""

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    max_error,
    mean_absolute_error,
    median_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tensorfleet.testing.frames import csv_bytes, parquet_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training.models import load_model
from tensorfleet.training.registry import ALGORITHMS
from tensorfleet.training.run import run_task

TABULAR = {
    name: one
    for name, one in ALGORITHMS.items()
    if getattr(one, "inputs", "columns") == "columns" and not one.requirements
}


def _run(folder, **task):
    task_dir = write_task(folder, **task)
    code = run_task(task_dir)
    return code, read_outcome(task_dir), task_dir


@pytest.mark.parametrize("name", ["wine", "digits"])
def test_the_forest_is_scikit_learns_own(tmp_path, name):
    frame = sample_frame(name)
    code, outcome, _ = _run(
        tmp_path, data=parquet_bytes(frame), data_format="parquet", algorithm="random_forest", seed=11
    )
    assert code == 0

    X, y = frame.drop("target").to_numpy(), frame["target"].to_numpy()
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=11, stratify=y)
    forest = RandomForestClassifier(random_state=11).fit(X_train, y_train)
    ours = load_model(model_folder(tmp_path, outcome))
    assert np.array_equal(ours.predict(X_test), forest.predict(X_test))
    assert np.array_equal(ours.predict_proba(X_test), forest.predict_proba(X_test))
    assert outcome["metrics"]["accuracy"] == accuracy_score(y_test, forest.predict(X_test))


def test_metrics_are_scikit_learns(tmp_path):
    frame = sample_frame("breast_cancer")
    _, outcome, task_dir = _run(
        tmp_path, data=csv_bytes(frame), algorithm="logistic_regression", hyperparameters={"C": 0.01}
    )
    X, y = frame.drop("target").to_numpy(), frame["target"].to_numpy()
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=7, stratify=y)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)).fit(X_train, y_train)
    predicted, chances = model.predict(X_test), model.predict_proba(X_test)
    assert outcome["metrics"] == pytest.approx(
        {
            "accuracy": accuracy_score(y_test, predicted),
            "balanced_accuracy": balanced_accuracy_score(y_test, predicted),
            "roc_auc": roc_auc_score(y_test, chances[:, 1]),
            "f1_macro": f1_score(y_test, predicted, average="macro"),
            "log_loss": log_loss(y_test, chances),
        }
    )
    assert read_records(task_dir, "metrics")[-1]["values"] == outcome["metrics"]
    assert read_records(task_dir, "progress")[-1]["value"] == 1.0


def test_regression_metrics_are_scikit_learns(tmp_path):
    frame = sample_frame("diabetes")
    _, outcome, _ = _run(tmp_path, data=csv_bytes(frame), algorithm="linear_regression")
    X, y = frame.drop("target").to_numpy(), frame["target"].to_numpy()
    _, X_test, _, y_test = train_test_split(X, y, test_size=0.2, random_state=7)
    predicted = load_model(model_folder(tmp_path, outcome)).predict(X_test)
    assert outcome["evaluation"]["task"] == "regression"
    assert outcome["metrics"] == pytest.approx(
        {
            "r2": r2_score(y_test, predicted),
            "mae": mean_absolute_error(y_test, predicted),
            "median_error": median_absolute_error(y_test, predicted),
            "max_error": max_error(y_test, predicted),
            "rmse": root_mean_squared_error(y_test, predicted),
        }
    )


@pytest.mark.parametrize(
    "algorithm", [name for name, one in TABULAR.items() if "classification" in one.tasks]
)
def test_every_classifier_takes_every_type_of_column(tmp_path, mixed, algorithm):
    task = {
        "algorithm": algorithm,
        "target_column": "kind",
        "data": parquet_bytes(mixed),
        "data_format": "parquet",
        "hyperparameters": {"max_candidates": 4} if algorithm == "auto" else {},
    }
    code, outcome, _ = _run(tmp_path, **task)
    assert code == 0, outcome
    assert outcome["metrics"]["accuracy"] >= 0.9
    assert outcome["model"]["classes"] == ["even", "odd"]
    assert sum(map(sum, outcome["evaluation"]["confusion"])) == outcome["evaluation"]["held_out_rows"] == 24
    sample = outcome["evaluation"]["samples"][0]
    assert sample["truth"] == mixed["kind"][sample["row"]]
    model = load_model(model_folder(tmp_path, outcome))
    assert model.predict(mixed[[sample["row"]]]).tolist() == [sample["predicted"]]
    unseen = {"size": 3.0, "count": 1, "flag": False, "colour": "green", "note": "", "day": "2030-01-01"}
    unseen |= {"gappy_flag": None, "id": "new", "nothing": None, "same": None}
    assert model.predict([unseen])[0] in ("even", "odd")


@pytest.mark.parametrize("algorithm", [name for name, one in TABULAR.items() if "regression" in one.tasks])
def test_every_regressor_predicts_the_line(tmp_path, algorithm):
    rows = 300
    x = np.linspace(0, 10, rows)
    frame = pl.DataFrame({"x": x, "noise": np.sin(x * 50), "target": 3 * x + 1.5})
    fitting = {"mlp": {"epochs": 60}, "svm": {"C": 100}, "elastic_net": {"alpha": 0.01}}
    hyper = {**fitting, "auto": {"max_candidates": 4}}.get(algorithm, {})
    code, outcome, _ = _run(tmp_path, data=csv_bytes(frame), algorithm=algorithm, hyperparameters=hyper)
    assert code == 0, outcome
    assert outcome["metrics"]["r2"] > 0.95
    assert outcome["model"]["signature"]["outputs"] == [{"type": "double"}]


def test_rows_without_a_target_are_left_out(tmp_path, capsys):
    frame = sample_frame("iris").with_columns(
        target=pl.when(pl.int_range(150) < 10).then(None).otherwise(pl.col("target"))
    )
    _, outcome, _ = _run(tmp_path, data=csv_bytes(frame), algorithm="knn")
    assert "10 rows without a target are left out" in capsys.readouterr().out
    sample = outcome["evaluation"]["samples"][0]
    assert sample["truth"] == frame["target"][sample["row"]]


@pytest.mark.parametrize(
    ("text", "task", "message"),
    [
        ("x,y\n" + "1,a\n" * 20, {"algorithm": "knn"}, "one class only"),
        ("x,y\n" + "1,\n" * 20, {"algorithm": "knn"}, "missing in all 20 rows"),
        ("x,y\n", {"algorithm": "knn"}, "0 rows with a target"),
        ("x,y\n" + "1,a\n2,b\n" * 9, {"algorithm": "knn", "target_column": "z"}, "no column 'z'"),
        ("y\n" + "a\nb\n" * 9, {"algorithm": "knn"}, "nothing to predict it from"),
        (",y\n" + ",a\n,b\n" * 9, {"algorithm": "knn"}, "no column is left"),
        ("x,y\n" + "1,a\n2,b\n" * 9, {"algorithm": "linear_regression"}, "predicts numbers"),
        ("x,y\n" + "1,0.5\n2,1.5\n" * 9, {"algorithm": "logistic_regression"}, "numbers with fractions"),
        ("x,y\n" + "".join(f"1,n{i}\n" for i in range(20)), {"algorithm": "svm"}, "these are no classes"),
    ],
)
def test_unusable_data_is_told_as_such(tmp_path, text, task, message):
    code, outcome, _ = _run(tmp_path, data=text.encode(), **task)
    assert code == 1
    assert (outcome["status"], outcome["class"]) == ("failed", "data")
    assert message in outcome["message"]


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({"n_neighbor": 3}, "did you mean 'n_neighbors'?"),
        ({"n_neighbors": 5000}, "there are 120 training rows"),
    ],
)
def test_bad_hyperparameters_are_the_users_error(tmp_path, hyperparameters, message):
    data = csv_bytes(sample_frame("iris"))
    _, outcome, _ = _run(tmp_path, data=data, algorithm="knn", hyperparameters=hyperparameters)
    assert outcome["class"] == "user_error"
    assert message in outcome["message"]
