"""`auto` as a task: what it finds, what it tells, what it goes on from, and what it refuses."""

import contextlib
import json

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from tensorfleet.testing.frames import csv_bytes, parquet_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training import auto_fitting, auto_guard, registry
from tensorfleet.training.models import load_model
from tensorfleet.training.run import run_task

LIGHT = ["linear", "naive_bayes", "knn", "lightgbm"]
WINE = parquet_bytes(sample_frame("wine"))


def run(folder, data=WINE, data_format="parquet", hyperparameters=None, **task):
    given = {"max_candidates": 10, "families": LIGHT, **(hyperparameters or {})}
    task_dir = write_task(
        folder, data=data, data_format=data_format, algorithm="auto", hyperparameters=given, **task
    )
    code = run_task(task_dir)
    return code, read_outcome(task_dir), task_dir


def files(folder, outcome):
    root = model_folder(folder, outcome)
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "MLmodel"
    }


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """As many as a task with one CPU has; two on a busy machine wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("searched")
    code, outcome, task_dir = run(folder)
    assert code == 0, outcome
    return folder, outcome, task_dir


def test_the_model_predicts_what_was_measured(searched):
    folder, outcome, _ = searched
    assert outcome["model"]["flavor"] == "ensemble"
    model = load_model(model_folder(folder, outcome))
    frame = sample_frame("wine")
    for sample in outcome["evaluation"]["samples"]:
        assert model.predict(frame[[sample["row"]]]).tolist() == [sample["predicted"]]
    chances = model.predict_proba(frame)
    assert chances.shape == (178, 3)
    assert np.allclose(chances.sum(axis=1), 1)
    assert outcome["metrics"]["accuracy"] >= 0.9
    assert not list(model_folder(folder, outcome).rglob("*.pkl"))
    told = json.loads((model_folder(folder, outcome) / "ensemble.json").read_text())
    board = outcome["evaluation"]["details"]["leaderboard"]
    weights = [one["weight"] for one in sorted(board, key=lambda one: one["number"]) if one["weight"]]
    assert [one["weight"] for one in told["members"]] == pytest.approx(weights, abs=1e-6)


def test_the_leaderboard_has_every_candidate_once_the_best_first(searched):
    _, outcome, task_dir = searched
    board = outcome["evaluation"]["details"]["leaderboard"]
    assert sorted(one["number"] for one in board) == list(range(10))
    scores = [one["score"] for one in board]
    assert scores == sorted(scores)  # log loss: less is better
    assert sum(one["weight"] for one in board) == pytest.approx(1, abs=1e-4)
    assert {one["family"] for one in board} == set(LIGHT)
    assert outcome["metrics"]["cv_log_loss"] <= scores[0]
    told = [record["candidate"] for record in read_records(task_dir, "candidate")]
    assert [one["number"] for one in told] == list(range(10))
    assert {one["number"]: one["score"] for one in told} == {one["number"]: one["score"] for one in board}
    best = [point["values"]["best_cv_log_loss"] for point in read_records(task_dir, "metrics")[:10]]
    assert best == [min(one["score"] for one in told[: number + 1]) for number in range(10)]
    shares = [record["value"] for record in read_records(task_dir, "progress")]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_scores_are_of_rows_that_the_candidate_had_not_seen(searched):
    """Those of cross-validation with the library alone."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split
    from sklearn.naive_bayes import GaussianNB

    frame = sample_frame("wine")
    X, y = frame.drop("target").to_numpy(), frame["target"].to_numpy()
    X, _, y, _ = train_test_split(X, y, test_size=0.2, random_state=7, stratify=y)
    chances = cross_val_predict(
        GaussianNB(), X, y, cv=StratifiedKFold(5, shuffle=True, random_state=7), method="predict_proba"
    )
    _, outcome, _ = searched
    board = outcome["evaluation"]["details"]["leaderboard"]
    ours = next(one for one in board if one["family"] == "naive_bayes" and not one["hyperparameters"])
    said = np.clip(chances[np.arange(len(y)), y], np.finfo(np.float32).eps, 1)
    assert ours["score"] == pytest.approx(-np.log(said).mean(), rel=1e-4)


def test_it_is_better_than_a_plain_forest_on_rows_that_neither_has_seen(searched, tmp_path):
    _, outcome, _ = searched
    plain = write_task(tmp_path, data=WINE, data_format="parquet", algorithm="random_forest")
    assert run_task(plain) == 0
    assert outcome["metrics"]["log_loss"] < read_outcome(plain)["metrics"]["log_loss"]


def test_it_goes_on_where_it_was_and_finds_the_same(searched, tmp_path, monkeypatch):
    """A search is cut after six candidates, in the middle of a round: no fold of those six is fitted again."""
    folder, outcome, _ = searched
    asked_after(monkeypatch, 6)
    code, stopped, first = run(tmp_path, checkpoint={"every_steps": 1})
    monkeypatch.undo()
    assert (code, stopped["status"]) == (0, "stopped")
    told = [one["step"] for one in read_records(first, "candidate")]
    assert 4 <= stopped["saved_step"] == len(told) < 10
    code, again, second = run(tmp_path, attempt=2, resume=read_records(first, "checkpoint")[-1])
    assert code == 0, again
    assert [one["step"] for one in read_records(second, "candidate")] == list(range(len(told), 10))
    assert files(tmp_path, again) == files(folder, outcome)


def asked_after(monkeypatch, fits):
    """The task is asked to stop when so many candidates have been fitted in all folds."""
    from tensorfleet.training import session

    count = 0
    predicted = auto_fitting.predicted

    def counting(*given):
        nonlocal count
        found = predicted(*given)
        count += 1
        if count == fits * 5:
            session.current().stop.asked = True
        return found

    monkeypatch.setattr(auto_fitting, "predicted", counting)


def test_a_checkpoint_of_another_search_is_refused(tmp_path):
    _, _, first = run(tmp_path, checkpoint={"every_steps": 1}, hyperparameters={"max_candidates": 4})
    resume = read_records(first, "checkpoint")[-1]
    code, outcome, _ = run(tmp_path, attempt=2, resume=resume, hyperparameters={"metric": "accuracy"})
    assert (code, outcome["class"]) == (1, "user_error")
    assert "another search" in outcome["message"]


def test_what_took_too_long_is_said_and_left_out_of_the_replay(tmp_path, monkeypatch):
    """The replay makes the same files without any limit of time."""
    fit = auto_fitting.fit

    def slow(problem, algorithm, values, context):
        if algorithm.name == "lightgbm":
            for _ in range(10**9):
                pass
        return fit(problem, algorithm, values, context)

    monkeypatch.setattr(auto_fitting, "fit", slow)
    monkeypatch.setattr("tensorfleet.training.auto_search._LIMIT_S", 0.3)
    one = {"time_budget_s": 1.5, "max_candidates": 6}
    code, outcome, _ = run(tmp_path / "one", hyperparameters=one)
    monkeypatch.undo()
    assert code == 0, outcome
    board = outcome["evaluation"]["details"]["leaderboard"]
    (cut,) = [line for line in board if line["score"] is None and line["number"] == 3]
    assert cut["reason"] == "it took more than 0.3 s"
    told = outcome["evaluation"]["replay"]
    assert told["time_budget_s"] is None
    assert 3 in told["skip"]
    code, again, _ = run(tmp_path / "two", hyperparameters=told)
    assert code == 0, again
    assert files(tmp_path / "two", again) == files(tmp_path / "one", outcome)


def test_numbers_and_columns_of_every_type(tmp_path, mixed):
    frame = mixed.with_columns(
        price=pl.col("count") * 2.5 + pl.col("flag") + pl.int_range(pl.len()).sin() * 0.1
    )
    every = {"families": None, "max_candidates": 8, "ensemble_size": 40, "folds": 2}
    code, outcome, _ = run(tmp_path, data=parquet_bytes(frame), hyperparameters=every, target_column="price")
    assert code == 0, outcome
    assert outcome["evaluation"]["auto"]["failed"] == 0
    assert outcome["metrics"]["r2"] > 0.9
    model = load_model(model_folder(tmp_path, outcome))
    found = model.predict(frame)
    assert found.shape == (120,)
    assert 1 - ((found - frame["price"].to_numpy()) ** 2).mean() / frame["price"].var() > 0.9


def test_every_family_is_part_of_a_model_that_loads(tmp_path):
    """A greedy choice would take few: here all that were tried are joined."""
    from tensorfleet.training import auto

    def all_alike(metric, truth, pool, size):
        return dict.fromkeys(pool, 1 / len(pool)), 0.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auto, "select", all_alike)
        code, outcome, _ = run(tmp_path, hyperparameters={"families": None, "max_candidates": 9, "folds": 2})
    assert code == 0, outcome
    assert outcome["evaluation"]["auto"]["members"] == 9
    model = load_model(model_folder(tmp_path, outcome))
    assert (model.predict(sample_frame("wine")) == sample_frame("wine")["target"].to_numpy()).mean() > 0.95


def test_a_candidate_that_fails_is_told_and_the_others_go_on(tmp_path):
    text = "x,y,kind\n" + "".join(f"{i},{i * 7 % 5},{'ab'[i % 2]}\n" for i in range(8))
    code, outcome, _ = run(
        tmp_path,
        data=text.encode(),
        data_format="csv",
        hyperparameters={"max_candidates": 8},
        target_column="kind",
    )
    assert code == 0, outcome
    board = outcome["evaluation"]["details"]["leaderboard"]
    failed = [one for one in board if one["score"] is None]
    assert {one["family"] for one in failed} >= {"knn"}
    assert "n_neighbors" in failed[0]["reason"]
    assert all(one["weight"] == 0 for one in failed)


def test_a_member_that_cannot_be_trained_on_all_rows_is_replaced(tmp_path, monkeypatch, searched):
    _, before, _ = searched
    best = before["evaluation"]["details"]["leaderboard"][0]
    fit = auto_fitting.fit

    def failing(problem, algorithm, values, context):
        if len(problem.train) == 142 and values == best["hyperparameters"]:
            raise MemoryError("no room")
        return fit(problem, algorithm, values, context)

    monkeypatch.setattr(auto_fitting, "fit", failing)
    code, outcome, _ = run(tmp_path)
    assert code == 0, outcome
    lines = {one["number"]: one for one in outcome["evaluation"]["details"]["leaderboard"]}
    assert lines[best["number"]]["reason"] == "on all rows memory ran out"
    assert lines[best["number"]]["weight"] == 0
    assert sum(one["weight"] for one in lines.values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "task", "message"),
    [
        ("x,y\n" + "1,a\n" * 20, {}, "one class only"),
        ("x,y\n1,a\n2,b\n3,a\n", {}, "at least 5 are needed"),
        ("x,y\n" + "1,a\n2,b\n" * 9, {"target_column": "z"}, "no column 'z'"),
        (",y\n" + ",a\n,b\n" * 9, {}, "no column is left"),
        ("x,y\n" + "1,a\n2,b\n" * 9, {"hyperparameters": {"metric": "r2"}}, "hyperparameters.metric is r2"),
        ("x,y\n" + "1,a\n2,b\n" * 9, {"hyperparameters": {"folds": 15}}, "folds is 15, but there are 7"),
        (
            "x,y\n" + "1,a\n2,b\n" * 3,
            {"hyperparameters": {"families": ["knn"], "max_candidates": 2}},
            "none of 2 candidates",
        ),
        (
            "x,y\n" + "".join(f"{i},{i}.5\n" for i in range(9)),
            {"hyperparameters": {"families": ["naive_bayes"]}},
            "it does not predict numbers",
        ),
    ],
)
def test_what_nothing_can_be_learned_from_is_told(tmp_path, text, task, message):
    code, outcome, _ = run(tmp_path, data=text.encode(), data_format="csv", **task)
    assert (code, outcome["status"]) == (1, "failed")
    assert outcome["class"] in ("data", "user_error")
    assert message in outcome["message"]
    assert "\n" not in outcome["message"]


@pytest.mark.parametrize(
    ("hyperparameters", "field", "message"),
    [
        ({"time_budget_s": 0}, "time_budget_s", "should be greater than 0, but is 0"),
        ({"time_budget_s": None}, "max_candidates", "should be a number where time_budget_s is null"),
        ({"families": ["forest"]}, "families.0", "'random_forest'"),
        ({"families": []}, "families", "at least 1 item"),
        ({"families": ["knn"], "exclude": ["knn"]}, "exclude", "should leave a family to try"),
        ({"ensemble_size": 0}, "ensemble_size", "greater than or equal to 1"),
        ({"budget": 5}, "budget", "no such hyperparameter"),
    ],
)
def test_bad_hyperparameters_are_refused_at_submission(hyperparameters, field, message):
    (error,) = registry.validate("auto", hyperparameters, workers=2)
    assert error.field == f"hyperparameters.{field}"
    assert message in error.message


class Asked:
    """A session as the guard sees it."""

    def __init__(self, **resources):
        self.context = type("Context", (), {"spec": {"resources": resources}})
        self.stop = type("Stop", (), {"asked": False})()
        self.beats = 0

    def beat(self):
        self.beats += 1


def forever():
    while True:
        pass


def swallowing():
    """As a library that takes it for an error of its own."""
    with contextlib.suppress(BaseException):
        forever()
    forever()


def test_a_guard_cuts_what_takes_too_long_and_nothing_else():
    session = Asked()
    with auto_guard.Guard(session) as guard:
        with pytest.raises(auto_guard.Cut) as cut:
            guard.run(swallowing, 0.15, "too slow")
        assert cut.value.why == "too slow"
        assert guard.run(lambda: 5, 10.0, "too slow") == 5
        assert sum(range(10**6)) > 0  # nobody cuts what it was not asked to
        session.stop.asked = True
        with pytest.raises(auto_guard.Cut) as cut:
            guard.run(forever)
        assert cut.value.why == ""
    assert session.beats >= 2, "whoever watches for hangs sees that it lives"


def test_a_guard_cuts_what_needs_too_much_memory():
    with auto_guard.Guard(Asked(memory=1024)) as guard, pytest.raises(auto_guard.Cut) as cut:
        guard.run(forever)
    assert "resources.memory" in cut.value.why

    def full():
        raise MemoryError

    with auto_guard.Guard(Asked()) as guard, pytest.raises(auto_guard.Cut) as cut:
        guard.run(full)
    assert cut.value.why == "memory ran out"


def test_many_rows_are_measured_by_one_fold(tmp_path, monkeypatch):
    monkeypatch.setattr("tensorfleet.training.auto_exam.ONE_FOLD_ROWS", 100)
    code, outcome, _ = run(
        tmp_path,
        data=csv_bytes(sample_frame("wine")),
        data_format="csv",
        hyperparameters={"max_candidates": 4},
    )
    assert code == 0, outcome
    assert outcome["evaluation"]["auto"]["folds"] == 1


@pytest.mark.parametrize("by", ["time", "group"])
def test_folds_are_split_as_the_rows_are(tmp_path, by):
    rows = 120
    frame = pl.DataFrame(
        {"x": [i % 7 for i in range(rows)], "z": list(range(rows)), "when": [i // 10 for i in range(rows)]}
    ).with_columns(kind=(pl.col("x") > 3).cast(pl.String))
    code, outcome, _ = run(
        tmp_path,
        data=parquet_bytes(frame),
        split={"by": by, "column": "when"},
        hyperparameters={"max_candidates": 4},
        target_column="kind",
    )
    assert code == 0, outcome
    assert outcome["metrics"]["accuracy"] > 0.9
