"""scikit-learn built-ins that are saved in between: grown in pieces, stopped and resumed they end as one fit does."""

import dataclasses
import os
import signal

import pytest

from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import read_outcome, read_records, write_task
from tensorfleet.training import incremental
from tensorfleet.training.algorithm import Grown
from tensorfleet.training.run import run_task
from tensorfleet.training.session import Session

CASES = {
    "forest": ("random_forest", "wine", {"n_estimators": 23}, 23),
    "forest of numbers": ("random_forest", "diabetes", {"n_estimators": 9, "max_features": 0.5}, 9),
    "boosting": ("gradient_boosting", "wine", {"n_estimators": 12}, 12),
    "boosting of numbers": ("gradient_boosting", "diabetes", {"n_estimators": 12}, 12),
    "descent": ("sgd", "digits", {"epochs": 8}, 8),
    "averaged descent of numbers": ("sgd", "diabetes", {"epochs": 8, "average": True}, 8),
}


def _task(folder, case, **more):
    algorithm, dataset, hyperparameters, _ = CASES[case]
    task = {"data": csv_bytes(sample_frame(dataset)), "algorithm": algorithm}
    return write_task(folder, **(task | {"hyperparameters": hyperparameters} | more))


def _digest(task):
    """SHA-256 of the registered model file."""
    outcome = read_outcome(task)
    assert outcome["status"] == "succeeded", outcome
    return {file["path"]: file["sha256"] for file in outcome["model"]["files"]}["model.skops"]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    found = {}
    for case in CASES:
        task = _task(tmp_path_factory.mktemp("straight"), case)
        run_task(task)
        found[case] = _digest(task)
        if case.endswith("descent") or "descent" in case:
            continue
        assert not read_records(task, "checkpoint"), "a short fit is not cut"
    return found


def _stop_after(monkeypatch, step):
    beat = Session.beat

    def patched(self, done=None):
        beat(self, done)
        if done is not None and done >= step and not self.stop.asked:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Session, "beat", patched)


@pytest.mark.parametrize("case", CASES)
def test_stopped_and_resumed_twice_the_model_is_the_same_file(tmp_path, monkeypatch, straight, case):
    saved, by_warm_start = None, incremental.by_warm_start
    for attempt, stop in enumerate((3, 7), start=1):
        with monkeypatch.context() as patch:
            _stop_after(patch, stop)
            # By time: the pieces are those that the trainer chooses, one tree or round at first.
            patch.setattr(
                incremental,
                "by_warm_start",
                lambda grown, *fit: by_warm_start(dataclasses.replace(grown, piece_s=0.0), *fit),
            )
            task = _task(tmp_path, case, attempt=attempt, resume=saved, checkpoint={"every_minutes": 1000})
            run_task(task)
        assert read_outcome(task) == {"status": "stopped", "step": stop, "saved_step": stop}
        saved = read_records(task, "checkpoint")[-1]
    last = _task(tmp_path, case, attempt=3, resume=saved)
    assert run_task(last) == 0
    assert _digest(last) == straight[case]


@pytest.mark.parametrize("case", ["forest", "boosting", "descent"])
def test_saved_every_so_many_steps(tmp_path, straight, case):
    task = _task(tmp_path, case, checkpoint={"every_steps": 5, "keep_last": 100})
    assert run_task(task) == 0
    total = CASES[case][3]
    assert [record["step"] for record in read_records(task, "checkpoint")] == list(range(5, total + 1, 5))
    assert _digest(task) == straight[case]


def test_a_fork_may_ask_for_more_but_not_for_less(tmp_path):
    first = _task(tmp_path, "forest", checkpoint={"every_steps": 10})
    run_task(first)
    saved = read_records(first, "checkpoint")[-1]
    more = _task(tmp_path, "forest", attempt=2, resume=saved, hyperparameters={"n_estimators": 40})
    assert run_task(more) == 0
    whole = _task(tmp_path / "whole", "forest", hyperparameters={"n_estimators": 40})
    assert run_task(whole) == 0
    assert _digest(more) == _digest(whole)

    less = _task(tmp_path, "forest", attempt=3, resume=saved, hyperparameters={"n_estimators": 5})
    assert run_task(less) == 1
    assert "the checkpoint is of step 20, but the job ends at 5" in read_outcome(less)["message"]


def test_pieces_grow_to_a_second_each():
    growth = incremental.by_warm_start(Grown("n_estimators"), _Forest(4), None, None)
    assert growth.piece(0, 0.0) == 4
    assert growth.piece(4, 0.1) == 40
    assert growth.piece(40, 2.0) == 20
    assert growth.piece(4, 100.0) == 4


class _Forest:
    n_estimators = 100

    def __init__(self, n_jobs):
        self.n_jobs = n_jobs


def test_a_loss_for_the_other_task_is_refused(tmp_path):
    task = _task(tmp_path, "descent", hyperparameters={"loss": "huber"})
    assert run_task(task) == 1
    assert "for classes it is one of: log_loss" in read_outcome(task)["message"]
