"""Out of memory: where it was, and a batch that goes through in parts."""

import json

import numpy as np
import pytest
import torch

from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, write_task
from tensorfleet.training import memory
from tensorfleet.training.algorithms.neural import MlpParams
from tensorfleet.training.models import load_model
from tensorfleet.training.neural_steps import train_step
from tensorfleet.training.optimizing import Optimizer
from tensorfleet.training.run import run_task


@pytest.mark.parametrize(
    ("error", "where"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "gpu"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), "gpu"),
        (MemoryError(), "host"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), "host"),
        (OSError(12, "Cannot allocate memory"), "host"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), None),
    ],
)
def test_the_host_and_the_gpu_are_told_apart(error, where):
    assert memory.ran_out(error) == where


def test_own_code_that_runs_out_says_how_much_it_had(tmp_path):
    script = "import numpy\nx = numpy.ones(10_000_000)\nnumpy.empty(1 << 62, dtype=numpy.uint8)"
    task = write_task(
        tmp_path, code={"train.py": script}, entrypoint="train.py", resources={"memory": 2**30}, rank=3
    )
    assert run_task(task) == 1
    outcome = read_outcome(task)
    assert outcome["class"] == "out_of_memory"
    evidence = outcome["evidence"]
    assert (evidence["where"], evidence["rank"], evidence["limit_bytes"]) == ("host", 3, 2**30)
    assert evidence["peak_bytes"] > 80_000_000
    assert "memory ran out on rank 3" in outcome["message"]
    assert "of 1.0 GiB was used" in outcome["message"]


@pytest.mark.parametrize("parts", [2, 3, 64])
def test_a_batch_in_parts_takes_the_same_step(parts):
    def step(accumulation):
        torch.manual_seed(1)
        model = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
        optimizer = Optimizer(model, MlpParams(), torch.device("cpu"))
        optimizer.inner = torch.optim.SGD(model.parameters(), lr=1.0)
        x, y = torch.randn(40, 6), torch.arange(40) % 3
        loss = train_step(model, optimizer, torch.nn.functional.cross_entropy, x[5:35], y[5:35], accumulation)
        return loss, torch.cat([p.detach().flatten() for p in model.parameters()])

    (loss, weights), (whole_loss, whole_weights) = step(parts), step(1)
    assert torch.allclose(loss, whole_loss)
    assert torch.allclose(weights, whole_weights, atol=1e-6)
    assert not torch.equal(weights, whole_weights), "it went through in parts"


def test_a_job_with_accumulation_ends_with_the_same_model(tmp_path):
    frame = sample_frame("iris")
    chances = []
    for accumulation in (1, 4):
        folder = tmp_path / str(accumulation)
        task = write_task(
            folder, data=csv_bytes(frame), algorithm="mlp", hyperparameters={"hidden": [8], "epochs": 3}
        )
        described = json.loads((task / "task.json").read_text())
        (task / "task.json").write_text(json.dumps(described | {"accumulation": accumulation}))
        assert run_task(task) == 0
        chances.append(load_model(model_folder(folder, read_outcome(task))).predict_proba(frame))
    assert np.allclose(chances[0], chances[1], atol=1e-4)
