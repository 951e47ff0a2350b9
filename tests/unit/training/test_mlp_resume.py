"""The MLP on one rank, interrupted at any step: it ends as if nothing had been."""

import os
import signal

import pytest

from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training.run import run_task
from tensorfleet.training.session import Session

# 120 training rows in 4 batches: 12 steps
TASK = {
    "data": csv_bytes(sample_frame("iris")),
    "algorithm": "mlp",
    "hyperparameters": {"epochs": 3, "dropout": 0.3, "hidden": [16], "batch_size": 30},
}
STEPS = 12


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The weights and metrics of a run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("straight")
    task = write_task(folder, **TASK)
    assert run_task(task) == 0
    return _weights(folder, task), _metrics(task)


def _weights(folder, task):
    return (model_folder(folder, read_outcome(task)) / "weights.safetensors").read_bytes()


def _metrics(*tasks):
    return [(record["step"], record["values"]) for task in tasks for record in read_records(task, "metrics")]


def _signal_at(monkeypatch, step):
    """Sends the SIGTERM of a pause to this process when a step is done."""
    beat = Session.beat

    def patched(self, done=None):
        beat(self, done)
        if done == step:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Session, "beat", patched)


@pytest.mark.parametrize("step", range(1, STEPS))
def test_stopped_at_any_step_it_ends_the_same(tmp_path, monkeypatch, straight, step):
    with monkeypatch.context() as patch:
        _signal_at(patch, step)
        first = write_task(tmp_path, **TASK, checkpoint={"every_epochs": None})
        assert run_task(first) == 0
    assert read_outcome(first) == {"status": "stopped", "step": step, "saved_step": step}
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    (saved,) = read_records(first, "checkpoint")

    second = write_task(tmp_path, **TASK, attempt=2, resume=saved)
    assert run_task(second) == 0
    assert (_weights(tmp_path, second), _metrics(first, second)) == straight


def test_asked_to_stop_after_the_last_step_it_succeeds(tmp_path, monkeypatch, straight):
    _signal_at(monkeypatch, STEPS)
    task = write_task(tmp_path, **TASK)
    assert run_task(task) == 0
    assert (_weights(tmp_path, task), _metrics(task)) == straight


def test_from_any_saved_step_it_ends_the_same(tmp_path, straight):
    first = write_task(tmp_path, **TASK, checkpoint={"every_steps": 5, "keep_last": 9})
    assert run_task(first) == 0
    saved = read_records(first, "checkpoint")
    assert [record["step"] for record in saved] == [4, 5, 8, 10, 12]
    for attempt, record in enumerate(saved, start=2):
        task = write_task(tmp_path, **TASK, attempt=attempt, resume=record)
        assert run_task(task) == 0
        assert _weights(tmp_path, task) == straight[0]
