"""The MLP on one rank."""

import numpy as np
import pytest
import torch

from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training.models import load_model
from tensorfleet.training.neural_steps import epoch_batches
from tensorfleet.training.run import run_task

HYPER = {"epochs": 4, "dropout": 0.3, "hidden": [16]}


def _weights(folder, outcome):
    return (model_folder(folder, outcome) / "weights.safetensors").read_bytes()


def test_resuming_ends_with_the_weights_of_an_uninterrupted_run(tmp_path):
    data = csv_bytes(sample_frame("iris"))
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    straight = write_task(whole, data=data, algorithm="mlp", hyperparameters=HYPER)
    assert run_task(straight) == 0

    first = write_task(halves, data=data, algorithm="mlp", hyperparameters=HYPER | {"epochs": 2})
    assert run_task(first) == 0
    saved = read_records(first, "checkpoint")[-1]
    second = write_task(halves, data=data, algorithm="mlp", hyperparameters=HYPER, attempt=2, resume=saved)
    assert run_task(second) == 0
    assert [record["step"] for record in read_records(second, "metrics")] == [3, 4]
    assert _weights(whole, read_outcome(straight)) == _weights(halves, read_outcome(second))


@pytest.mark.parametrize(
    ("rows", "world_size", "batch_size"), [(1437, 2, 64), (129, 2, 64), (7, 3, 2), (4, 4, 1), (5, 4, 1)]
)
def test_the_ranks_share_each_epochs_rows_evenly(rows, world_size, batch_size):
    ranks = [epoch_batches(rows, rank, world_size, 7, 3, batch_size) for rank in range(world_size)]
    assert sorted(torch.cat([b for batches in ranks for b in batches]).tolist()) == list(range(rows))
    assert len({len(batches) for batches in ranks}) == 1
    assert all(
        0 < len(batch) <= batch_size + (rows < world_size * batch_size * 2)
        for batches in ranks
        for batch in batches
    )
    assert not torch.equal(ranks[0][0], epoch_batches(rows, 0, world_size, 7, 4, batch_size)[0]) or rows < 10


def test_checkpoints_follow_the_policy(tmp_path):
    policy = {"every_epochs": 2, "keep_last": 1}
    task = write_task(
        tmp_path,
        data=csv_bytes(sample_frame("iris")),
        algorithm="mlp",
        hyperparameters=HYPER,
        checkpoint=policy,
    )
    assert run_task(task) == 0
    assert [record["step"] for record in read_records(task, "checkpoint")] == [4, 8]
    assert [path.name for path in (tmp_path / "objects/checkpoints/j-test").iterdir()] == ["1-8.safetensors"]


def test_a_loss_that_explodes_is_told(tmp_path):
    task = write_task(
        tmp_path,
        data=csv_bytes(sample_frame("diabetes")),
        algorithm="mlp",
        hyperparameters={"learning_rate": 100, "epochs": 200, "hidden": [64] * 12},
    )
    assert run_task(task) == 1
    outcome = read_outcome(task)
    assert outcome["class"] == "user_error"
    assert "lower hyperparameters.learning_rate" in outcome["message"]


def test_probabilities_belong_to_the_classes(tmp_path):
    frame = sample_frame("iris")
    task = write_task(tmp_path, data=csv_bytes(frame), algorithm="mlp")
    assert run_task(task) == 0
    outcome = read_outcome(task)
    model = load_model(model_folder(tmp_path, outcome))
    chances = model.predict_proba(frame)
    assert chances.shape == (150, 3)
    assert np.array_equal(np.array(model.classes)[chances.argmax(axis=1)], model.predict(frame))
    assert outcome["model"]["flavor"] == "torch"
