"""Profiles of real tasks: phases of networks and scripts, and a profiler that fails without harm."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import read_outcome, read_records, write_task
from tensorfleet.training import profiling
from tensorfleet.training.run import run_task

PROFILE = {"steps": 4, "skip": 2}
HYPER = {"epochs": 12, "hidden": [8]}
SLOW = """
import time, torch
from torch.utils.data import DataLoader, Dataset

class Slow(Dataset):
    def __len__(self):
        return 40
    def __getitem__(self, index):
        time.sleep(0.005)
        return torch.randn(4), torch.tensor(1.0)

model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x, y in DataLoader(Slow(), batch_size=2):
    optimizer.zero_grad()
    loss = ((model(x)[:, 0] - y) ** 2).mean()
    loss.backward()
    optimizer.step()
print("done")
"""


def profile_of(task: Path) -> dict[str, Any]:
    (record,) = read_records(task, "profile")
    found: dict[str, Any] = record["profile"]
    return found


def network(folder: Path, **spec: Any) -> Path:
    return write_task(
        folder, data=csv_bytes(sample_frame("iris")), algorithm="mlp", hyperparameters=HYPER, **spec
    )


def untouched() -> tuple[Any, ...]:
    from torch.nn.modules import module
    from torch.optim import optimizer

    hooks = (
        module._global_forward_hooks,
        module._global_forward_pre_hooks,
        optimizer._global_optimizer_post_hooks,
    )
    return (torch.autograd.backward, torch.save, *(len(found) for found in hooks))


def test_a_network_is_told_by_phases_and_traced(tmp_path: Path) -> None:
    before = untouched()
    task = network(tmp_path, profile=PROFILE)
    assert run_task(task) == 0
    found = profile_of(task)
    assert found["steps"] == 4
    assert {"data", "forward", "backward", "optimiser"} <= set(found["phases"])
    assert sum(found["phases"].values()) == pytest.approx(found["seconds"], rel=0.01)
    assert found["operators"][0]["ms"] >= found["operators"][-1]["ms"] > 0
    packed = (tmp_path / "objects/profiles/j-test/1/0.json.gz").read_bytes()
    names = {event.get("name") for event in json.loads(gzip.decompress(packed))["traceEvents"]}
    assert "aten::addmm" in names
    assert len(packed) == found["trace"]["bytes"]
    assert untouched() == before, "nothing of it is left in torch"
    assert not list(task.glob("trace*"))


def test_a_profile_changes_nothing_of_what_is_learned(tmp_path: Path) -> None:
    weights = []
    for name, spec in (("plain", {}), ("profiled", {"profile": PROFILE})):
        task = network(tmp_path / name, **spec)
        assert run_task(task) == 0
        prefix = read_outcome(task)["model"]["prefix"]
        weights.append((tmp_path / name / "objects" / prefix / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]
    assert not read_records(tmp_path / "plain/attempt-1-rank-0", "profile")


def test_a_slow_loader_of_a_plain_script_is_found(tmp_path: Path) -> None:
    task = write_task(tmp_path, code={"train.py": SLOW}, entrypoint="train.py", profile=PROFILE)
    assert run_task(task) == 0
    found = profile_of(task)
    assert found["phases"]["data"] > 0.5 * found["seconds"]


def test_a_script_marks_its_own_phases_and_steps(tmp_path: Path) -> None:
    code = """
import time
from tensorfleet import train
for step in range(12):
    with train.phase("tokenise"):
        time.sleep(0.004)
    train.step(rows=32)
    train.report(step=step, loss=0.1)
"""
    task = write_task(tmp_path, code={"train.py": code}, entrypoint="train.py", profile=PROFILE)
    assert run_task(task) == 0
    found = profile_of(task)
    assert found["phases"]["tokenise"] >= 0.015
    assert found["steps"] == 4
    paces = [record["pace"] for record in read_records(task, "metrics")[1:]]
    assert all(0 < pace["rows_per_second"] <= 32 / 0.004 for pace in paces)
    assert read_outcome(task)["throughput"] | {"seconds": 0} == {"steps": 11, "rows": 352, "seconds": 0}


@pytest.mark.parametrize("algorithm", ["decision_tree", "xgboost"])
def test_what_has_no_steps_of_torch_is_told_by_its_calls(tmp_path: Path, algorithm: str) -> None:
    data = csv_bytes(sample_frame("iris"))
    task = write_task(tmp_path, data=data, algorithm=algorithm, profile=PROFILE)
    assert run_task(task) == 0
    found = profile_of(task)
    assert found["unit"] == "job"
    assert list(found["phases"]) == [
        "fetching data", "preparing data", "fitting", "evaluating", "publishing",
    ]  # fmt: skip
    assert sum(found["phases"].values()) == pytest.approx(found["seconds"], rel=0.01)
    assert found["operators"][0]["calls"] >= 1


def test_too_few_steps_are_said_to_be_too_few(tmp_path: Path) -> None:
    task = network(tmp_path, profile={"steps": 4, "skip": 50})
    assert run_task(task) == 0
    assert "24 steps were seen" in profile_of(task)["note"]


def test_a_run_that_ends_early_tells_as_far_as_it_came(tmp_path: Path) -> None:
    task = network(tmp_path, profile={"steps": 100, "skip": 2})
    assert run_task(task) == 0
    assert profile_of(task)["steps"] == 22
    assert profile_of(task)["seconds"] < read_records(task, "timeline")[-1]["seconds"] * 1.5, (
        "no more than the steps"
    )


def test_a_trace_that_is_too_large_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(profiling, "MOST_TRACE_BYTES", 100)
    task = network(tmp_path, profile=PROFILE)
    assert run_task(task) == 0
    found = profile_of(task)
    assert "was left out" in found["note"]
    assert "trace" not in found
    assert found["phases"]
    assert "warning: the trace of 4 steps" in capsys.readouterr().err
    assert not (tmp_path / "objects/profiles").exists()


@pytest.mark.parametrize("broken", ["_take_phases", "_start_trace", "_finish", "start_torch"])
def test_a_profiler_that_fails_costs_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    def fail(self: Any, *_: Any) -> None:
        raise RuntimeError("out of order")

    before = untouched()
    method = fail if broken != "start_torch" else profiling._harmless(fail)
    monkeypatch.setattr(profiling.Profiler, broken, method)
    task = network(tmp_path, profile=PROFILE)
    assert run_task(task) == 0
    assert read_outcome(task)["status"] == "succeeded"
    assert "no profile of this task: RuntimeError: out of order" in capsys.readouterr().err
    assert untouched() == before
