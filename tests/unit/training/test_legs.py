"""A training that is cut into parts, each a job of its own that goes on from the checkpoint of the one before."""

import os

import pytest

from tensorfleet.adapters.objectstore import FolderObjectStore
from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training.run import run_task

# 120 training rows in 4 batches
MLP = {
    "data": csv_bytes(sample_frame("iris")),
    "algorithm": "mlp",
    "hyperparameters": {"epochs": 6, "dropout": 0.3, "hidden": [16], "batch_size": 30, "schedule": "cosine"},
}
SGD = {"data": csv_bytes(sample_frame("digits")), "algorithm": "sgd", "hyperparameters": {"epochs": 6}}
QUIET = {"every_epochs": None}
SCRIPT = """
from tensorfleet import train

state = train.restore() or {"step": 0, "level": 0.0}
for step in range(state["step"] + 1, 11):
    state = {"step": step, "level": state["level"] + train.params()["gain"]}
    train.report(step=step, level=state["level"])
    if step % 2 == 0:
        train.save(state, step=step)
"""
OWN = {"code": {"train.py": SCRIPT}, "entrypoint": "train.py", "hyperparameters": {"gain": 1.0}}


def _digest(folder, task):
    files = read_outcome(task)["model"]["files"]
    return sorted((one["path"], one["sha256"]) for one in files if one["path"] != "MLmodel")


@pytest.mark.parametrize("job", [MLP, SGD], ids=["mlp", "sgd"])
def test_parts_that_change_nothing_end_as_one_training(tmp_path, job):
    whole = write_task(tmp_path / "whole", **job)
    assert run_task(whole) == 0
    saved, steps = None, []
    for number, until in enumerate((2, 4, None), start=1):
        task = write_task(tmp_path, **job, checkpoint=QUIET, attempt=number, resume=saved, until=until)
        assert run_task(task) == 0
        outcome = read_outcome(task)
        assert outcome["status"] == "succeeded"
        assert outcome["metrics"]["accuracy"] > 0
        assert (model_folder(tmp_path, outcome) / "MLmodel").exists(), "each part leaves a model"
        steps += [record["step"] for record in read_records(task, "metrics")]
        if until is not None:
            saved = read_records(task, "checkpoint")[-1]
    assert sorted(set(steps)) == [1, 2, 3, 4, 5, 6]
    assert _digest(tmp_path, task) == _digest(tmp_path / "whole", whole)


def test_a_part_trains_on_with_other_hyperparameters(tmp_path):
    first = write_task(tmp_path, **MLP, checkpoint=QUIET, until=2)
    run_task(first)
    (saved,) = read_records(first, "checkpoint")
    changed = {**MLP["hyperparameters"], "learning_rate": 0.05, "dropout": 0.1, "batch_size": 20}
    second = write_task(
        tmp_path, **{**MLP, "hyperparameters": changed}, checkpoint=QUIET, attempt=2, resume=saved, until=4
    )
    assert run_task(second) == 0
    assert [record["step"] for record in read_records(second, "metrics")] == [3, 4]


@pytest.mark.parametrize("job", [MLP, SGD, OWN], ids=["mlp", "sgd", "own code"])
def test_a_part_that_cannot_be_handed_on_is_tried_again(tmp_path, monkeypatch, job):
    put = FolderObjectStore.put

    def refuse(self, key, data, **more):
        if key.startswith("checkpoints/"):
            raise OSError("the disk is full")
        return put(self, key, data, **more)

    task = write_task(tmp_path, **job, checkpoint=QUIET, until=2)
    monkeypatch.setattr(FolderObjectStore, "put", refuse)
    assert run_task(task) == 1
    outcome = read_outcome(task)
    assert outcome["class"] == "infrastructure"
    assert "was not stored, and the training that goes on from it needs it" in outcome["message"]


def test_own_code_ends_with_the_save_that_its_part_ends_with(tmp_path):
    saved, levels = None, []
    for number, (until, gain) in enumerate([(3, 1.0), (6, 10.0), (None, 100.0)], start=1):
        task = write_task(
            tmp_path, **(OWN | {"hyperparameters": {"gain": gain}}), attempt=number, resume=saved, until=until
        )  # fmt: skip
        assert run_task(task) == 0
        outcome = read_outcome(task)
        assert outcome["status"] == "succeeded"
        levels.append(outcome["metrics"]["level"])
        saved = read_records(task, "checkpoint")[-1]
        os.chdir(tmp_path)
    assert levels == [4.0, 24.0, 424.0], "steps 1 to 4, 5 and 6, 7 to 10"
