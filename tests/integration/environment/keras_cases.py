"""What the trainer of Keras networks does.  `test_keras.py` runs this file with the Python of TensorFlow's environment."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training.algorithms.keras import KerasMlpParams
from tensorfleet.training.keras_networks import build_keras
from tensorfleet.training.keras_replica import Replica
from tensorfleet.training.models import load_model
from tensorfleet.training.run import run_task
from tensorfleet.training.session import Session

HYPER = {
    "epochs": 4,
    "dropout": 0.3,
    "hidden": [16],
    "batch_size": 32,
    "schedule": "cosine",
    "clip_norm": 1.0,
}


def train(folder: Path, sample: str = "iris", algorithm: str = "keras_mlp", **task: Any) -> tuple[Path, dict]:
    task_dir = write_task(folder, data=csv_bytes(sample_frame(sample)), algorithm=algorithm, **task)
    run_task(task_dir)
    return task_dir, read_outcome(task_dir)


def files(folder: Path, outcome: dict[str, Any]) -> list[bytes]:
    assert outcome["status"] == "succeeded", outcome
    kept = model_folder(folder, outcome)
    return [(kept / name).read_bytes() for name in ("weights.safetensors", "model.keras")]


@pytest.mark.parametrize("algorithm", ["keras_mlp", "keras_cnn"])
def test_a_run_that_is_stopped_ends_like_one_that_was_not(tmp_path, monkeypatch, algorithm):
    sample = "digits" if algorithm == "keras_cnn" else "iris"
    shape = {"widths": [8, 8], "batch_size": 400} if algorithm == "keras_cnn" else {"hidden": [16]}
    hyper = {**HYPER, **shape} if algorithm == "keras_mlp" else {"epochs": 3, "dropout": 0.3, **shape}
    _, straight = train(tmp_path / "whole", sample, algorithm, hyperparameters=hyper)
    beat = Session.beat

    def signalling(self: Session, step: int | None = None) -> None:
        beat(self, step)
        if step == 6:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "beat", signalling)
        halves = tmp_path / "halves"
        first, stopped = train(halves, sample, algorithm, hyperparameters=hyper)
    assert stopped["status"] == "stopped"
    assert stopped["saved_step"] == stopped["step"] == 7, "in the middle of an epoch"
    saved = read_records(first, "checkpoint")[-1]
    _, second = train(halves, sample, algorithm, hyperparameters=hyper, attempt=2, resume=saved)
    assert files(tmp_path / "whole", straight) == files(halves, second)
    assert straight["metrics"] == second["metrics"]


@pytest.mark.parametrize(("sample", "algorithm"), [("diabetes", "keras_mlp"), ("digits", "keras_cnn")])
def test_what_keras_learned_pytorch_predicts(tmp_path, sample, algorithm):
    small = {"widths": [8, 16], "epochs": 2} if algorithm == "keras_cnn" else {"epochs": 10}
    _, outcome = train(tmp_path, sample, algorithm, hyperparameters=small | {"dropout": 0.1})
    folder, frame = model_folder(tmp_path, outcome), sample_frame(sample).drop("target")
    model = load_model(folder)
    network = keras.saving.load_model(folder / "model.keras", safe_mode=True)
    outputs = np.asarray(network(model.estimator.prepare.transform(frame[:200])))
    if algorithm == "keras_cnn":
        expected = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
        assert np.allclose(model.predict_proba(frame[:200]), expected, atol=1e-5)
    else:
        mean, deviation = model.estimator.scale
        assert np.allclose(model.predict(frame[:200]), outputs[:, 0] * deviation + mean, rtol=1e-5)
    for one in outcome["evaluation"]["samples"]:
        assert model.predict(frame[one["row"]])[0] == pytest.approx(one["predicted"], rel=1e-5)


def test_it_learns_and_keeps_the_best_epoch(tmp_path):
    hyper = {"epochs": 300, "learning_rate": 0.001, "early_stopping": 4}
    task_dir, outcome = train(tmp_path, hyperparameters=hyper)
    course = [record["values"]["accuracy"] for record in read_records(task_dir, "metrics")]
    assert len(course) < 300
    assert course.index(max(course)) == len(course) - 5
    assert outcome["evaluation"]["validation"]["accuracy"] == max(course) > 0.9
    assert outcome["evaluation"]["split"]["rows"] == {"train": 108, "validation": 12, "test": 30}


def test_what_is_left_of_an_epoch_is_cut_anew_for_other_batches(tmp_path):
    hyper = {"epochs": 1, "batch_size": 30}
    policy = {"every_epochs": None, "every_steps": 1, "keep_last": 9}
    first, _ = train(tmp_path, hyperparameters=hyper, checkpoint=policy)
    saved = read_records(first, "checkpoint")[0]
    assert saved["step"] == 1
    again = hyper | {"batch_size": 10}
    second, outcome = train(tmp_path, hyperparameters=again, checkpoint=policy, attempt=2, resume=saved)
    assert read_records(second, "checkpoint")[-1]["step"] == 1 + 9, "30 of the 120 rows were used before"
    assert outcome["status"] == "succeeded"


def test_what_cannot_go_on_is_told(tmp_path):
    first, _ = train(tmp_path, hyperparameters=HYPER)
    saved = read_records(first, "checkpoint")[-1]
    other = HYPER | {"hidden": [8]}
    _, outcome = train(tmp_path, hyperparameters=other, attempt=2, resume=saved)
    assert outcome["class"] == "user_error"
    assert "another network" in outcome["message"]
    wild = {"learning_rate": 100, "epochs": 50, "hidden": [64] * 12}
    _, outcome = train(tmp_path / "wild", "diabetes", hyperparameters=wild)
    assert "lower hyperparameters.learning_rate" in outcome["message"]


def test_a_batch_in_parts_is_the_same_step():
    keras.utils.set_random_seed(3)
    network = build_keras("mlp", inputs=4, hidden=[8], outputs=3, dropout=0.0)
    replica = Replica(network, KerasMlpParams(), classes=True)
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(30, 4)).astype("float32"), draw.integers(0, 3, 30)
    whole, parts = replica.learn(x, y, 1), replica.learn(x, y, 4)
    assert whole[0] == pytest.approx(parts[0], rel=1e-5)
    assert np.allclose(whole[1], parts[1], atol=1e-4)


def test_the_callback_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TENSORFLEET_DATASET", "digits")
    script = Path(__file__).parents[3] / "examples/keras_fit/train.py"
    ran = _by_hand(script, monkeypatch, epochs=2)
    assert ran["fleet"].epoch == 2
    again = _by_hand(script, monkeypatch, epochs=5)
    assert again["fleet"].epoch == 5
    assert again["fleet"].model.optimizer.iterations == 5 * 45
    steps = [record["step"] for record in map(json.loads, next(tmp_path.rglob("records.jsonl")).open())
             if record["kind"] == "metrics"]  # fmt: skip
    assert steps == [1, 2, 3, 4, 5]


def _by_hand(script: Path, monkeypatch: pytest.MonkeyPatch, epochs: int) -> dict[str, Any]:
    import runpy

    from tensorfleet.training.session import activate

    monkeypatch.setenv("TENSORFLEET_PARAMS", json.dumps({"epochs": epochs}))
    activate(None)
    found = runpy.run_path(str(script))
    found["train"]._session.current().close()
    activate(None)
    return found
