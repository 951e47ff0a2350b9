"""What is measured of a model: scikit-learn's numbers, splits that hold, folds that do not depend on the ranks."""

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as theirs
from sklearn.calibration import calibration_curve
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tensorfleet.errors import DataInvalid, SpecInvalid
from tensorfleet.jobs.schemas import parse_spec
from tensorfleet.testing.frames import csv_bytes, parquet_bytes, sample_frame
from tensorfleet.testing.ranks import run_tasks
from tensorfleet.testing.tasks import read_outcome, write_task
from tensorfleet.training import curves, registry, splitting
from tensorfleet.training.run import run_task
from tensorfleet.training.splitting import SplitPolicy, divide, kept_back


def train(folder, frame, **task):
    folder.mkdir(exist_ok=True)
    task_dir = write_task(folder, data=parquet_bytes(frame), data_format="parquet", **task)
    run_task(task_dir)
    return read_outcome(task_dir)


def scores(rows, classes, seed=0, digits=2):
    """Labels, and probabilities with many ties."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, rows)
    raw = random.random((rows, classes)) + np.eye(classes)[truth] * 0.7
    return truth, np.round(raw / raw.sum(axis=1, keepdims=True), digits)


@pytest.mark.parametrize("rows", [40, 3000])
def test_two_classes_curves_are_scikit_learns(rows):
    truth, chances = scores(rows, 2)
    metrics, details = curves.of_classes(truth, np.array([0, 1]), chances)
    (curve,) = details["curves"]
    assert metrics["roc_auc"] == curve["auc"] == pytest.approx(theirs.roc_auc_score(truth, chances[:, 1]))
    assert curve["average_precision"] == pytest.approx(theirs.average_precision_score(truth, chances[:, 1]))
    false, true, _ = theirs.roc_curve(truth, chances[:, 1], drop_intermediate=False)
    assert curve["roc"]["false_positive_rate"] == pytest.approx(false, abs=1e-5)
    assert curve["roc"]["true_positive_rate"] == pytest.approx(true, abs=1e-5)
    precision, recall, _ = theirs.precision_recall_curve(truth, chances[:, 1])
    assert curve["pr"]["precision"] == pytest.approx(precision[-2::-1], abs=1e-5)
    assert curve["pr"]["recall"] == pytest.approx(recall[-2::-1], abs=1e-5)


def test_many_classes_and_points_are_bounded_and_the_area_is_exact():
    truth, chances = scores(5000, 12, digits=9)
    truth[truth == 11] = 10  # the last class has no row
    metrics, details = curves.of_classes(truth, np.arange(12), chances)
    areas = [theirs.roc_auc_score(truth == c, chances[:, c]) for c in range(11)]
    assert metrics["roc_auc"] == pytest.approx(np.mean(areas))
    assert len(details["curves"]) == curves.MOST_CLASSES
    for curve in details["curves"]:
        assert len(curve["roc"]["true_positive_rate"]) == 200
        assert curve["auc"] == pytest.approx(areas[curve["class"]])
        assert (curve["roc"]["false_positive_rate"][-1], curve["roc"]["true_positive_rate"][-1]) == (1, 1)


def test_calibration_bins_are_scikit_learns():
    truth, chances = scores(2000, 2, digits=7)
    found = curves.calibration(truth, np.array([0, 1]), chances)
    observed, predicted = calibration_curve(truth, chances[:, 1], n_bins=10)
    assert [one["observed"] for one in found["bins"]] == pytest.approx(observed)
    assert [one["predicted"] for one in found["bins"]] == pytest.approx(predicted)
    weights = np.array([one["rows"] for one in found["bins"]]) / 2000
    assert found["error"] == pytest.approx((weights * abs(observed - predicted)).sum())


def test_residuals_are_bounded():
    truth = np.random.default_rng(0).normal(size=4000)
    metrics, details = curves.of_numbers(truth, np.zeros(4000))
    assert metrics["max_error"] == pytest.approx(theirs.max_error(truth, np.zeros(4000)))
    assert metrics["median_error"] == pytest.approx(theirs.median_absolute_error(truth, np.zeros(4000)))
    found = details["residuals"]
    assert sum(found["histogram"]["counts"]) == 4000
    assert len(found["truth"]) == len(found["predicted"]) == 500


def test_an_outcome_has_it_all(tmp_path):
    outcome = train(tmp_path, sample_frame("breast_cancer"), algorithm="random_forest")
    frame = sample_frame("breast_cancer")
    X, y = frame.drop("target"), frame["target"].to_numpy()
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=7, stratify=y)
    forest = RandomForestClassifier(random_state=7).fit(X, y)
    chances = forest.predict_proba(X_test)[:, 1]
    assert outcome["metrics"]["roc_auc"] == pytest.approx(theirs.roc_auc_score(y_test, chances))
    expected = theirs.balanced_accuracy_score(y_test, forest.predict(X_test))
    assert outcome["metrics"]["balanced_accuracy"] == pytest.approx(expected)
    found = outcome["evaluation"]["details"]["importance"]
    shares = dict(zip(X.columns, forest.feature_importances_, strict=True))
    assert found["by"] == "impurity"
    assert found["columns"][0]["column"] == max(shares, key=shares.get)
    assert len(found["columns"]) == 20
    for one in found["columns"]:
        assert one["importance"] == pytest.approx(shares[one["column"]], abs=1e-5)
    rows = {"train": 455, "validation": 0, "test": 114}
    split = {"by": "stratified", "seed": 7, "test": 0.2, "validation": 0.0, "rows": rows}
    assert outcome["evaluation"]["split"] == split


@pytest.mark.parametrize("algorithm", ["logistic_regression", "random_forest", "knn"])
def test_importance_is_by_the_columns_that_people_know(tmp_path, mixed, algorithm):
    policy = {"importance": "permutation"} if algorithm == "knn" else {}
    outcome = train(tmp_path, mixed, algorithm=algorithm, target_column="kind", evaluation=policy)
    found = outcome["evaluation"]["details"]["importance"]
    assert {one["column"] for one in found["columns"]} <= set(mixed.columns)
    amounts = {one["column"]: one["importance"] for one in found["columns"]}
    telling = amounts["flag"] + amounts["gappy_flag"] + amounts["colour"]
    assert telling > amounts["day"] + amounts["count"]
    if algorithm != "knn":
        assert sum(amounts.values()) == pytest.approx(1, abs=1e-4)


def test_a_model_that_does_not_say_is_not_asked(tmp_path):
    outcome = train(tmp_path, sample_frame("iris"), algorithm="knn")
    assert "importance" not in outcome["evaluation"]["details"]


# ---- splits ----------------------------------------------------------------------------------------------------------


def test_the_default_split_is_what_it_always_was():
    y = np.array([0, 1, 2] * 40)
    parts = divide(y, "classification", SplitPolicy(), None, 7)
    train, test = train_test_split(np.arange(120), test_size=0.2, random_state=7, stratify=y)
    assert (parts.train.tolist(), parts.test.tolist()) == (train.tolist(), test.tolist())
    parts = divide(y * 0.5, "regression", SplitPolicy(), None, 7)
    train, test = train_test_split(np.arange(120), test_size=0.2, random_state=7)
    assert (parts.train.tolist(), parts.test.tolist()) == (train.tolist(), test.tolist())


@pytest.mark.parametrize("by", ["random", "stratified", "time", "group"])
def test_the_parts_are_all_rows_and_none_twice(by):
    y = np.array([0, 1] * 50)
    key = np.arange(100)[::-1] // 4
    policy = SplitPolicy(by, "k" if by in ("time", "group") else None, 0.2, 0.1)
    parts = divide(y, "classification", policy, key if policy.column else None, 3)
    rows = [*parts.train, *parts.validation, *parts.test]
    assert sorted(rows) == list(range(100))
    assert abs(len(parts.test) - 20) <= 4
    assert abs(len(parts.validation) - 10) <= 4
    assert parts.by == by
    if by == "time":
        assert key[parts.train].max() <= key[parts.validation].min()
        assert key[parts.validation].max() <= key[parts.test].min()
    if by == "group":
        groups = [set(key[part]) for part in (parts.train, parts.validation, parts.test)]
        assert sum(map(len, groups)) == len(set.union(*groups)) == 25
    if by == "stratified":
        assert [int(y[part].sum()) for part in (parts.train, parts.validation, parts.test)] == [35, 5, 10]


def test_a_job_by_time_and_by_group(tmp_path):
    rows = 60
    frame = pl.DataFrame(
        {
            "when": [f"2024-{i % 12 + 1:02}-01" for i in range(rows)],
            "who": [f"person {i % 7}" for i in range(rows)],
            "x": np.arange(rows) % 5.0,
            "target": np.arange(rows) % 2,
        }
    ).with_columns(pl.col("when").str.to_date())
    split = {"by": "time", "column": "when", "test": 0.25}
    outcome = train(tmp_path / "time", frame, algorithm="decision_tree", split=split)
    shown = [one["row"] for one in outcome["evaluation"]["samples"]]
    assert min(frame["when"].gather(shown)) >= frame["when"].sort()[45]
    assert outcome["evaluation"]["split"]["column"] == "when"
    split = {"by": "group", "column": "who", "validation": 0.2}
    outcome = train(tmp_path / "group", frame, algorithm="decision_tree", split=split)
    assert "who" not in [column["name"] for column in outcome["model"]["signature"]["inputs"]]
    assert set(outcome["evaluation"]["validation"]) >= {"accuracy", "roc_auc"}
    assert outcome["evaluation"]["split"]["rows"]["validation"] > 0


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"by": "time", "column": "whem"}, "split.column: the dataset has no column 'whem'; did you mean 'when'?"),
        ({"by": "group", "column": "gappy"}, "'gappy' is missing in 3 rows"),
        ({"by": "group", "column": "target"}, "split.column is 'target', the target"),
        ({"by": "group", "column": "same"}, "there are too few groups"),
        ({"by": "stratified"}, "the rarest of 3 classes has 1 rows; write random"),
        ({"by": "time", "column": "when", "test": 0.6, "validation": 0.39}, "none is left to train on"),
        ({"test": 0.001, "by": "random"}, None),
    ],
)  # fmt: skip
def test_a_split_that_cannot_be_is_told(tmp_path, split, message):
    frame = pl.DataFrame(
        {"when": range(9), "gappy": [None, None, None, *range(6)], "same": ["x"] * 9, "target": [0] * 5 + [1] * 3 + [2]}
    )  # fmt: skip
    outcome = train(tmp_path, frame, algorithm="decision_tree", target="target", split=split)
    if message is None:
        assert outcome["status"] == "succeeded"
        return
    assert outcome["class"] == "data"
    assert message in outcome["message"]
    assert "\n" not in outcome["message"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"split": {"by": "times"}}, "split.by"),
        ({"split": {"by": "time"}}, "by: time and by: group need a column"),
        ({"split": {"column": "x"}}, "by: time and by: group need a column"),
        ({"split": {"test": 0.5, "validation": 0.5}}, "leaves no rows to train on"),
        ({"split": {"tests": 0.5}}, "did you mean 'test'?"),
        ({"evaluation": {"folds": 1}}, "evaluation.folds"),
        ({"evaluation": {"fold": 3}}, "did you mean 'folds'?"),
    ],
)
def test_a_wrong_field_is_told_at_submission(fields, message):
    with pytest.raises(SpecInvalid) as caught:
        parse_spec({"name": "x", "algorithm": "knn", "dataset": "iris", **fields})
    assert message in str(caught.value)


def test_own_code_splits_itself():
    job = {"name": "x", "entrypoint": "train.py", "code": {"digest": "0" * 64}}
    parse_spec(job)
    with pytest.raises(SpecInvalid, match="own code splits and evaluates its data itself"):
        parse_spec(job | {"evaluation": {"folds": 3}})


# ---- cross-validation ------------------------------------------------------------------------------------------------


def test_folds_are_scikit_learns(tmp_path):
    frame = sample_frame("wine")
    task = {"algorithm": "logistic_regression", "evaluation": {"folds": 5}}
    outcome = train(tmp_path, frame, **task)
    X, y = frame.drop("target").to_numpy(), frame["target"].to_numpy()
    X, _, y, _ = train_test_split(X, y, test_size=0.2, random_state=7, stratify=y)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = StratifiedKFold(5, shuffle=True, random_state=7)
    found = outcome["evaluation"]["cross_validation"]
    for ours, name in (("accuracy", "accuracy"), ("f1_macro", "f1_macro"), ("log_loss", "neg_log_loss")):
        expected = abs(cross_val_score(model, X, y, cv=folds, scoring=name))
        assert found["metrics"][ours]["values"] == pytest.approx(expected)
        assert found["metrics"][ours]["mean"] == pytest.approx(expected.mean())
        assert found["metrics"][ours]["std"] == pytest.approx(expected.std())
    assert outcome["metrics"]["cv_accuracy"] == found["metrics"]["accuracy"]["mean"]


@pytest.mark.parametrize("by", ["random", "time", "group"])
def test_folds_are_split_as_the_rows_were(by):
    rows, key = np.arange(40)[::-1], np.arange(40) // 4
    found = splitting.fold_rows(rows, np.zeros(40), key, by, 4, 0)
    assert len(found) == 4
    for train_rows, test_rows in found:
        assert not set(train_rows) & set(test_rows)
        if by == "group":
            assert not set(key[train_rows]) & set(key[test_rows])
        if by == "time":
            assert key[train_rows].max() <= key[test_rows].min()


def test_too_many_folds_are_told():
    with pytest.raises(DataInvalid, match=r"evaluation\.folds is 9, too many for these rows"):
        splitting.fold_rows(np.arange(8), np.zeros(8), None, "random", 9, 0)


@pytest.mark.parametrize("algorithm", ["random_forest", "sgd"])
def test_two_ranks_share_the_folds_with_the_same_result(tmp_path, algorithm):
    frame = sample_frame("iris")
    hyperparameters = {"n_estimators": 9} if algorithm == "random_forest" else {"epochs": 3}
    task = {"algorithm": algorithm, "evaluation": {"folds": 3}, "hyperparameters": hyperparameters}
    one = train(tmp_path / "one", frame, **task)
    task |= {"data": parquet_bytes(frame), "data_format": "parquet", "world_size": 2}
    ranks = [write_task(tmp_path / "two", rank=rank, **task) for rank in (0, 1)]
    assert run_tasks(ranks) == [0, 0]
    two = read_outcome(ranks[0])
    assert two["evaluation"] == one["evaluation"]
    assert two["metrics"] == one["metrics"]
    assert "cv_accuracy" in two["metrics"]


@pytest.mark.parametrize(
    ("algorithm", "workers", "field"),
    [("knn", 2, None), ("kmeans", 1, "evaluation.folds"), ("mlp", 1, "evaluation.folds")],
)
def test_who_cross_validates(algorithm, workers, field):
    errors = registry.validate(algorithm, {}, workers, 5)
    assert [error.field for error in errors] == ([field] if field else [])


def test_a_csv_is_split_the_same(tmp_path):
    task_dir = write_task(tmp_path, data=csv_bytes(sample_frame("diabetes")), algorithm="linear_regression")
    assert run_task(task_dir) == 0
    assert read_outcome(task_dir)["evaluation"]["split"]["rows"] == {
        "train": 353,
        "validation": 0,
        "test": 89,
    }


def test_rows_kept_back_for_early_stopping_are_cut_off_as_the_dataset_was_split():
    rows, key = np.arange(20, 120), np.arange(120) // 6
    for by in (None, "random", "stratified", "time", "group"):
        train, validation = kept_back(rows, key, by, 0.1, seed=3)
        assert sorted([*train, *validation]) == rows.tolist()
        assert 6 <= len(validation) <= 12
        if by == "time":
            assert key[train].max() <= key[validation].min()
        if by == "group":
            assert not set(key[train]) & set(key[validation])
    with pytest.raises(DataInvalid, match="too few"):
        kept_back(rows[:1], None, None, 0.1, seed=3)
    with pytest.raises(DataInvalid, match="too few"):
        kept_back(rows, np.zeros(120, dtype=int), "group", 0.1, seed=3)
