"""XGBoost and LightGBM on one rank: what the libraries give alone, saved and taken up again between any two rounds."""

import importlib
import json
import os
import random
import shutil
import signal

import lightgbm
import numpy as np
import polars as pl
import pytest
import xgboost

from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training import boosted
from tensorfleet.training.models import load_model
from tensorfleet.training.registry import ALGORITHMS
from tensorfleet.training.run import run_task
from tensorfleet.training.session import Session
from tensorfleet.training.splitting import SplitPolicy, divide

LIBRARIES = ("xgboost", "lightgbm")
FILES = {"xgboost": "model.ubj", "lightgbm": "model.txt"}
ROUNDS = 8


def _alone(library, task, **params):
    """The library's own estimator with what ours adds to the hyperparameters."""
    kind = "Classifier" if task == "classification" else "Regressor"
    if library == "xgboost":
        return getattr(xgboost, f"XGB{kind}")(random_state=7, n_jobs=1, tree_method="hist", **params)
    fixed = {"deterministic": True, "force_col_wise": True, "subsample_freq": 1, "verbosity": -1}
    return getattr(lightgbm, f"LGBM{kind}")(random_state=7, n_jobs=1, **fixed, **params)


def split(y, task, seed):
    parts = divide(y, task, SplitPolicy(), None, seed)
    return parts.train, parts.test


def _booster(folder, task, library):
    return (model_folder(folder, read_outcome(task)) / FILES[library]).read_bytes()


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("sample", "task", "params"),
    [
        ("breast_cancer", "classification", {"learning_rate": 0.3, "max_depth": 4}),
        ("digits", "classification", {"reg_lambda": 2.0, "subsample": 0.7, "colsample_bytree": 0.5}),
        ("diabetes", "regression", {"reg_alpha": 0.5, "min_child_weight": 3.0}),
    ],
)
def test_it_gives_what_the_library_gives_alone(tmp_path, library, sample, task, params):
    params = params | {"n_estimators": 15}
    frame = sample_frame(sample)
    run = write_task(tmp_path, data=csv_bytes(frame), algorithm=library, hyperparameters=params)
    assert run_task(run) == 0
    X, y = frame.drop("target").to_numpy(), frame["target"].to_numpy()
    train, held_out = split(y, task, 7)
    alone = _alone(library, task, **params).fit(X[train], y[train])
    model = load_model(model_folder(tmp_path, read_outcome(run)))
    assert np.array_equal(model.predict(X[held_out]), alone.predict(X[held_out]))
    if task == "classification":
        assert np.array_equal(model.predict_proba(X[held_out]), alone.predict_proba(X[held_out]))
        expected = float((alone.predict(X[held_out]) == y[held_out]).mean())
        assert read_outcome(run)["metrics"]["accuracy"] == expected >= 0.9


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_of_every_type(tmp_path, library, mixed):
    task = write_task(tmp_path, data=csv_bytes(mixed), algorithm=library, target_column="kind")
    assert run_task(task) == 0
    outcome = read_outcome(task)
    assert outcome["metrics"]["accuracy"] >= 0.9
    folder = model_folder(tmp_path, outcome)
    assert load_model(folder).classes == ["even", "odd"]
    assert set(load_model(folder).predict(mixed.drop("kind"))) == {"even", "odd"}
    assert {"preprocessor.skops", FILES[library], "model.json"} <= {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_round_is_reported_and_losses_fall(tmp_path, library):
    task = write_task(
        tmp_path,
        data=csv_bytes(sample_frame("diabetes")),
        algorithm=library,
        hyperparameters={"n_estimators": ROUNDS},
    )
    assert run_task(task) == 0
    records = read_records(task, "metrics")[:ROUNDS]
    assert [record["step"] for record in records] == list(range(1, ROUNDS + 1))
    losses = [record["values"]["loss"] for record in records]
    assert losses == sorted(losses, reverse=True)
    last = records[-1]["values"]
    assert last["rmse"] == pytest.approx(read_outcome(task)["metrics"]["rmse"], rel=1e-5)
    assert last["held_out_loss"] == pytest.approx(last["rmse"] ** 2)


def _signal_at(monkeypatch, step):
    beat = Session.beat

    def patched(self, done=None):
        beat(self, done)
        if done == step and not self.stop.asked:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Session, "beat", patched)


def _task(folder, library, **more):
    given = {"data": csv_bytes(sample_frame("wine")), "algorithm": library}
    return write_task(folder, **(given | {"hyperparameters": {"n_estimators": ROUNDS}} | more))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("step", [1, 4, ROUNDS - 1])
def test_stopped_between_any_rounds_it_ends_the_same(tmp_path, monkeypatch, library, step):
    straight = _task(tmp_path / "straight", library)
    assert run_task(straight) == 0
    with monkeypatch.context() as patch:
        _signal_at(patch, step)
        first = _task(tmp_path, library)
        assert run_task(first) == 0
    assert read_outcome(first) == {"status": "stopped", "step": step, "saved_step": step}
    second = _task(tmp_path, library, attempt=2, resume=read_records(first, "checkpoint")[-1])
    assert run_task(second) == 0
    assert _booster(tmp_path, second, library) == _booster(tmp_path / "straight", straight, library)
    metrics = [r["values"] for task in (first, second) for r in read_records(task, "metrics")]
    assert metrics == [record["values"] for record in read_records(straight, "metrics")]


@pytest.mark.parametrize("library", LIBRARIES)
def test_asked_to_stop_after_the_last_round_it_succeeds(tmp_path, monkeypatch, library):
    _signal_at(monkeypatch, ROUNDS)
    task = _task(tmp_path, library)
    assert run_task(task) == 0
    assert read_outcome(task)["status"] == "succeeded"


@pytest.mark.parametrize("library", LIBRARIES)
def test_checkpoints_come_every_so_many_rounds_and_more_can_be_asked_for(tmp_path, library):
    first = _task(tmp_path, library, checkpoint={"every_steps": 3, "keep_last": 9})
    assert run_task(first) == 0
    saved = read_records(first, "checkpoint")
    assert [record["step"] for record in saved] == [3, 6]
    fewer = _task(tmp_path, library, attempt=2, resume=saved[-1], hyperparameters={"n_estimators": 5})
    assert run_task(fewer) == 1
    assert "of round 6, but hyperparameters.n_estimators is 5" in read_outcome(fewer)["message"]
    ended = _task(tmp_path, library, attempt=4, resume=saved[-1], hyperparameters={"n_estimators": 6})
    assert run_task(ended) == 0
    assert read_outcome(ended)["metrics"]["accuracy"] >= 0.9
    other = LIBRARIES[library == LIBRARIES[0]]
    foreign = _task(tmp_path, other, attempt=3, resume=saved[-1])
    assert run_task(foreign) == 1
    assert read_outcome(foreign)["class"] == "user_error"
    assert f"the checkpoint is not of {other}" in read_outcome(foreign)["message"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_it_ends_early_with_the_best_round(tmp_path, monkeypatch, library):
    hyper = {"n_estimators": 500, "early_stopping_rounds": 5, "learning_rate": 0.5}
    task = {"data": csv_bytes(sample_frame("diabetes")), "hyperparameters": hyper}
    straight = _task(tmp_path / "straight", library, **task)
    assert run_task(straight) == 0
    losses = [
        r["values"]["validation_loss"] for r in read_records(straight, "metrics") if "loss" in r["values"]
    ]
    best = int(np.argmin(losses)) + 1
    assert len(losses) == best + 5 < 500
    folder = model_folder(tmp_path / "straight", read_outcome(straight))
    booster = load_model(folder).estimator.booster._booster
    assert (booster.num_boosted_rounds() if library == "xgboost" else booster.num_trees()) == best

    with monkeypatch.context() as patch:
        _signal_at(patch, best + 2)
        first = _task(tmp_path, library, **task)
        assert run_task(first) == 0
    second = _task(tmp_path, library, **task, attempt=2, resume=read_records(first, "checkpoint")[-1])
    assert run_task(second) == 0
    assert _booster(tmp_path, second, library) == (folder / FILES[library]).read_bytes()


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_splits_own_validation_rows_are_looked_at(tmp_path, library):
    task = _task(
        tmp_path,
        library,
        split={"validation": 0.3},
        evaluation={"importance": "permutation"},
        hyperparameters={"n_estimators": 30, "early_stopping_rounds": 3},
    )
    assert run_task(task) == 0
    evaluation = read_outcome(task)["evaluation"]
    lowest = min(record["values"].get("validation_loss", 9) for record in read_records(task, "metrics"))
    assert evaluation["validation"]["log_loss"] == pytest.approx(lowest, rel=1e-4)
    assert evaluation["split"]["rows"]["validation"] == pytest.approx(0.3 * 178, abs=1)
    assert evaluation["details"]["importance"]["columns"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_class_that_no_training_row_has(tmp_path, library):
    frame = sample_frame("wine")
    y = frame["target"].to_numpy().copy()
    lone = split(y, "classification", 7)[1][0]
    frame = frame.with_columns(pl.Series("target", np.where(np.arange(len(y)) == lone, 9, y)))
    seeds = (seed for seed in range(50) if lone_is_held_out(frame["target"].to_numpy(), lone, seed))
    task = _task(tmp_path, library, data=csv_bytes(frame), seed=next(seeds))
    assert run_task(task) == 0
    assert load_model(model_folder(tmp_path, read_outcome(task))).classes == [0, 1, 2]


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_largest_seed_is_taken(tmp_path, library):
    task = _task(tmp_path, library, seed=2**32 - 1, hyperparameters={"n_estimators": 2, "subsample": 0.5})
    assert run_task(task) == 0


def lone_is_held_out(y, lone, seed):
    return lone in split(y, "classification", seed)[1]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_loss_that_is_no_number_is_told(tmp_path, library):
    frame = sample_frame("diabetes").with_columns(pl.col("target") * 1e307)
    task = _task(tmp_path, library, data=csv_bytes(frame))
    assert run_task(task) == 1
    assert read_outcome(task)["class"] in ("user_error", "data")
    assert "\n" not in read_outcome(task)["message"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_that_is_not_there_is_named(tmp_path, monkeypatch, library):
    def missing(name):
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(boosted.importlib, "import_module", missing)
    with pytest.raises(InvalidInput, match=rf"pip install 'tensorfleet\[{library}\]'"):
        boosted.import_library(ALGORITHMS[library])


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_folder_that_speaks_of_another_booster_is_told(tmp_path, library):
    task = _task(tmp_path, library)
    assert run_task(task) == 0
    folder = tmp_path / "copied"
    shutil.copytree(model_folder(tmp_path, read_outcome(task)), folder)
    described = json.loads((folder / "model.json").read_text())
    for wrong in ({"columns": 3}, {"classes": [0, 1]}, {"library": "catboost"}, {"columns": "x"}):
        (folder / "model.json").write_text(json.dumps(described | wrong))
        with pytest.raises(InvalidInput):
            load_model(folder)


@pytest.mark.parametrize("library", LIBRARIES)
def test_memory_that_ran_out_in_the_library_is_told_as_such(tmp_path, monkeypatch, library):
    backend = importlib.import_module(f"tensorfleet.training.boosted_{library}")

    def boost(work):
        raise backend.ERROR("[12:00:00] tree_updater.cc:99:\nstd::bad_alloc")

    monkeypatch.setattr(backend, "boost", boost)
    task = _task(tmp_path, library)
    assert run_task(task) == 1
    outcome = read_outcome(task)
    assert outcome["class"] == "out_of_memory"
    assert "use fewer rows or columns, or ask for more with resources.memory" in outcome["message"]


def test_a_port_that_is_taken_is_not_chosen_and_none_is_one_that_the_system_hands_out(monkeypatch):
    from tensorfleet.training import boosted_lightgbm

    chance = random.Random(3)
    with boosted_lightgbm.kept_port(chance) as first:
        port = first.getsockname()[1]
        assert 15_000 <= port < 32_768
        with boosted_lightgbm.kept_port(random.Random(3)) as second:
            assert second.getsockname()[1] != port
        monkeypatch.setattr(boosted_lightgbm, "_PORTS", range(port, port + 1))
        with pytest.raises(Unavailable, match="no free port"):
            boosted_lightgbm.kept_port(chance)
