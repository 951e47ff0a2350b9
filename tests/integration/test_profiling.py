"""Where the time of a job went, as its owner asks for it: the whole way, throughput, and the profile with its trace."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.errors import NotFound
from tensorfleet.sdk.jobs import Job
from tests.integration.platform import Platform
from tests.integration.scripts import submitting

PROFILE = {"steps": 5, "skip": 3}
SLOW = """
import time
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset

class Slow(Dataset):
    def __len__(self):
        return 120
    def __getitem__(self, index):
        time.sleep(0.01)
        return torch.randn(16), torch.tensor(0)

dist.init_process_group("gloo")
model = DistributedDataParallel(torch.nn.Linear(16, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x, y in DataLoader(Slow(), batch_size=4):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
dist.destroy_process_group()
"""


@pytest.fixture(scope="module")
def profiled(platform: Platform) -> Job:
    job = platform.client.submit(
        {
            "name": "profiled",
            "algorithm": "mlp",
            "dataset": "digits",
            "hyperparameters": {"epochs": 3, "batch_size": 64, "hidden": [32]},
            "resources": {"workers": 2},
            "profile": PROFILE,
        }
    )
    return job.wait(90)


@pytest.fixture
def slow(platform: Platform, tmp_path: Path) -> Iterator[Job]:
    with submitting(platform, tmp_path, name="slow-loader", resources={"workers": 2}) as submit:
        yield submit(SLOW, profile=PROFILE).wait(90)


def seconds_of(rank: dict[str, Any]) -> dict[str, float]:
    return {stage["name"]: stage["seconds"] for stage in rank["stages"]}


def test_the_waterfall_adds_up(platform: Platform, profiled: Job) -> None:
    (attempt,) = profiled.waterfall()["attempts"]
    assert attempt["outcome"] == "completed"
    assert [rank["rank"] for rank in attempt["ranks"]] == [0, 1]
    for rank in attempt["ranks"]:
        found = seconds_of(rank)
        assert {
            "queued",
            "process forked",
            "files fetched",
            "data prepared",
            "ranks joined",
            "training",
        } <= set(found)
        assert sum(found.values()) == pytest.approx(rank["seconds"], abs=1e-3)
        assert rank["clock_shift_s"] == 0, "it is one machine"
        assert min(found.values()) >= 0
    assert "model published" in seconds_of(attempt["ranks"][0])
    drawn = platform.cli("jobs", "waterfall", profiled.id).stdout
    assert "rank 1 on w-" in drawn
    assert "█" in drawn
    assert (
        json.loads(platform.cli("jobs", "waterfall", profiled.id, "--json").stdout)["job_id"] == profiled.id
    )


def test_throughput_is_a_metric_and_shown(platform: Platform, profiled: Job) -> None:
    (attempt,) = profiled.waterfall()["attempts"]
    each = [rank["rows_per_second"] for rank in attempt["ranks"]]
    assert attempt["rows_per_second"] == pytest.approx(sum(each))
    assert min(each) > 0
    assert len(profiled.metrics()["rows_per_second"]) == 3
    assert "rows_per_second" not in profiled.data["metrics"], "it says nothing about the model"
    assert profiled.data["throughput"]["steps_per_second"] > 0
    shown = platform.cli("jobs", "show", profiled.id).stdout
    assert "rows/s" in shown


def test_the_profile_of_two_ranks(platform: Platform, profiled: Job, tmp_path: Path) -> None:
    found = profiled.profile()
    assert {phase["name"] for phase in found["phases"]} >= {
        "data", "forward", "backward", "communication", "optimiser",
    }  # fmt: skip
    for rank in found["ranks"]:
        assert rank["steps"] == PROFILE["steps"]
        assert sum(phase["share"] for phase in rank["phases"]) == pytest.approx(1.0, abs=0.02)
        assert rank["operators"]
        path = profiled.download_trace(tmp_path / f"{rank['rank']}.json.gz", rank["rank"])
        names = {event.get("name") for event in json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]}
        assert "aten::addmm" in names
    with pytest.raises(NotFound, match="no trace of rank 7"):
        profiled.download_trace(tmp_path / "7.json.gz", 7)
    shown = platform.cli("jobs", "profile", profiled.id, "--save", str(tmp_path / "cli.json.gz"))
    assert found["sentence"] in shown.stdout
    assert "communication" in shown.stdout
    assert (tmp_path / "cli.json.gz").read_bytes() == (tmp_path / "0.json.gz").read_bytes()


def test_a_slow_loader_is_named_as_the_bottleneck(slow: Job) -> None:
    found = slow.profile()
    assert found["phases"][0]["name"] == "data"
    assert "of a step waits for data" in found["sentence"]
    assert [rank["rank"] for rank in found["ranks"]] == [0, 1]


def test_a_job_that_was_not_profiled(platform: Platform) -> None:
    job = platform.client.submit({"name": "plain", "algorithm": "knn", "dataset": "iris"}).wait(60)
    with pytest.raises(NotFound, match="it was not profiled; ask for one with profile: true"):
        job.profile()
    (rank,) = job.waterfall()["attempts"][0]["ranks"]
    assert sum(seconds_of(rank).values()) == pytest.approx(rank["seconds"], abs=1e-3)
    assert job.data["throughput"]["rows_per_second"] > 0
