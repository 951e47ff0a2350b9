"""Interrupted jobs end bit-equal to uninterrupted ones: ranks as real processes, signalled and killed at any step."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.sdk.jobs import Job
from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training import checkpoints
from tests.integration.platform import Platform, wait_until
from tests.integration.ranks import WarmRanks, warm_ranks

TASK: dict[str, Any] = {
    "data": csv_bytes(sample_frame("iris")),
    "algorithm": "mlp",
    "hyperparameters": {"epochs": 4, "dropout": 0.3, "hidden": [16], "batch_size": 10},
}
STEPS = 24  # 120 rows in batches of 2 times 10


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmRanks]:
    with warm_ranks() as found:
        yield found


def tasks(folder: Path, world_size: int, **more: Any) -> list[Path]:
    return [
        write_task(folder, rank=rank, world_size=world_size, **(TASK | more)) for rank in range(world_size)
    ]


def result(folder: Path, *attempts: list[Path]) -> tuple[bytes, list[Any]]:
    """The weights, and the metrics: of a step that was repeated, those of the later attempt."""
    records = [record for ranks in attempts for record in read_records(ranks[0], "metrics")]
    outcome = read_outcome(attempts[-1][0])
    assert outcome["status"] == "succeeded", outcome
    weights = (model_folder(folder, outcome) / "weights.safetensors").read_bytes()
    return weights, sorted({record["step"]: record["values"] for record in records}.items())


@pytest.fixture(scope="module")
def straight(warm: WarmRanks, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Any]]:
    folder = tmp_path_factory.mktemp("straight")
    ranks = tasks(folder, 2)
    assert warm.run(ranks) == [0, 0]
    return result(folder, ranks)


@pytest.mark.parametrize(
    "asked", [{0: 3, 1: 3}, {0: 5, 1: 6}, {0: 9, 1: 7}, {1: 11, 0: 14}], ids=lambda asked: str(asked)
)
def test_two_ranks_agree_on_a_step_and_go_on_from_it(
    warm: WarmRanks, tmp_path: Path, straight: tuple[bytes, list[Any]], asked: dict[int, int]
) -> None:
    first = tasks(tmp_path, 2, checkpoint={"every_epochs": None})
    assert warm.run(first, {rank: (step, signal.SIGTERM) for rank, step in asked.items()}) == [0, 0]
    outcomes = [read_outcome(rank) for rank in first]
    assert {outcome["status"] for outcome in outcomes} == {"stopped"}
    step = outcomes[0]["step"]
    assert outcomes[1]["step"] == step, "all ranks stop at the same step"
    assert outcomes[0]["saved_step"] == step, "no step is lost"
    assert min(asked.values()) < step <= max(asked.values()) + 2

    second = tasks(tmp_path, 2, attempt=2, resume=read_records(first[0], "checkpoint")[-1])
    assert warm.run(second) == [0, 0]
    assert result(tmp_path, first, second) == straight


def test_a_rank_asked_alone_brings_the_others_along(warm: WarmRanks, tmp_path: Path) -> None:
    first = tasks(tmp_path, 2, hyperparameters={**TASK["hyperparameters"], "epochs": 5000})
    assert warm.run(first, {1: (10, signal.SIGTERM)}) == [0, 0]
    steps = [read_outcome(rank)["step"] for rank in first]
    assert steps[0] == steps[1] < 5000 * 6


@pytest.mark.parametrize(("victim", "step"), [(0, 10), (1, 15)])
def test_killed_in_the_middle_of_an_epoch(
    warm: WarmRanks, tmp_path: Path, straight: tuple[bytes, list[Any]], victim: int, step: int
) -> None:
    first = tasks(tmp_path, 2, checkpoint={"every_steps": 4, "keep_last": 1, "keep_best": 0})
    assert warm.run(first, {victim: (step, signal.SIGKILL)})[victim] == -signal.SIGKILL
    saved = read_records(first[0], "checkpoint")[-1]
    assert 4 <= saved["step"] <= step
    second = tasks(tmp_path, 2, attempt=2, resume=saved)
    assert warm.run(second) == [0, 0]
    assert result(tmp_path, first, second) == straight


OWN_CODE = """
import random, sys
import torch
import torch.distributed as dist
from tensorfleet import train

dist.init_process_group("gloo")
torch.manual_seed(train.rank())
model = torch.nn.parallel.DistributedDataParallel(
    torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1))
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
state = train.restore()
if state:
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
for step in range(state["step"] + 1 if state else 1, 31):
    rows = torch.randn(5, 4) + random.random()
    loss = ((model(rows) - 1) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    train.report(step=step, loss=loss)
    if PLEASE:
        train.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, step=step)
dist.barrier()
"""


@pytest.mark.parametrize("please", ["True", "train.should_stop() or step == 30"], ids=["save", "should_stop"])
def test_own_code_goes_on_where_it_was_with_the_random_numbers_of_each_rank(
    warm: WarmRanks, tmp_path: Path, please: str
) -> None:
    def own(folder: Path, **more: Any) -> list[Path]:
        code = {"train.py": OWN_CODE.replace("PLEASE", please)}
        return [
            write_task(folder, rank=rank, world_size=2, code=code, entrypoint="train.py", **more)
            for rank in (0, 1)
        ]

    whole = own(tmp_path / "whole")
    assert warm.run(whole) == [0, 0]
    first = own(tmp_path / "halves")
    assert warm.run(first, {0: (11, signal.SIGTERM), 1: (12, signal.SIGTERM)}) == [0, 0]
    outcomes = [read_outcome(rank) for rank in first]
    assert [outcome["status"] for outcome in outcomes] == ["stopped", "stopped"]
    assert 11 <= outcomes[0]["step"] == outcomes[0]["saved_step"] == outcomes[1]["step"] <= 14
    second = own(tmp_path / "halves", attempt=2, resume=read_records(first[0], "checkpoint")[-1])
    assert warm.run(second) == [0, 0]
    for rank in (0, 1):
        expected = [(one["step"], one["values"]) for one in read_records(whole[rank], "metrics")]
        halves = read_records(first[rank], "metrics") + read_records(second[rank], "metrics")
        assert [(one["step"], one["values"]) for one in halves] == expected
    weights = [
        checkpoints.decode(
            (folder / "objects" / read_records(ranks[0], "checkpoint")[-1]["key"]).read_bytes()
        )
        for folder, ranks in ((tmp_path / "whole", whole), (tmp_path / "halves", second))
    ]
    assert str(weights[0]) == str(weights[1])
    assert weights[0]["step"] == 30


ALONE = """
import multiprocessing, os, time
from pathlib import Path
from tensorfleet import train

if EARLY:
    train.restore()
with multiprocessing.get_context("fork").Pool(1) as pool:
    pool.map(abs, [1])  # its end is a SIGTERM to the worker
for step in range(1, 1000):
    train.report(step=step, x=1)
    train.progress(step / 1000)
    if EARLY:
        train.save({"step": step}, step=step)
    time.sleep(0.001)
"""


@pytest.mark.parametrize("early", [True, False], ids=["saves", "never saved"])
def test_sigterm_ends_own_code_at_once_unless_it_can_save(
    warm: WarmRanks, tmp_path: Path, early: bool
) -> None:
    code = {"train.py": ALONE.replace("EARLY", str(early))}
    task = write_task(tmp_path, code=code, entrypoint="train.py")
    (exit_code,) = warm.run([task], {0: (20, signal.SIGTERM)})
    if early:
        assert exit_code == 0
        assert read_outcome(task) == {"status": "stopped", "step": 20, "saved_step": 20}
    else:
        assert exit_code == -signal.SIGTERM
        assert not (task / "outcome.json").exists()


def test_a_gang_of_another_size_goes_on_with_the_rest_of_the_epoch(warm: WarmRanks, tmp_path: Path) -> None:
    first = tasks(tmp_path, 2)
    assert warm.run(first, dict.fromkeys((0, 1), (9, signal.SIGTERM))) == [0, 0]
    saved = read_records(first[0], "checkpoint")[-1]
    step = read_outcome(first[0])["step"]
    assert 6 < step < 12
    second = tasks(tmp_path, 1, attempt=2, resume=saved)
    assert warm.run(second) == [0]
    rows_left = 120 - (step - 6) * 20
    beats = read_records(second[0], "checkpoint")
    assert beats[0]["step"] == step + rows_left // 10
    _, metrics = result(tmp_path, first, second)
    assert [epoch for epoch, _ in metrics] == [1, 2, 3, 4]
    assert metrics[-1][1]["loss"] < metrics[1][1]["loss"] < metrics[0][1]["loss"]


# ---- on a platform ---------------------------------------------------------------------------------------------------

LONG: dict[str, Any] = {
    "name": "long",
    "algorithm": "mlp",
    "dataset": "digits",
    "hyperparameters": {"hidden": [16], "dropout": 0.2, "batch_size": 8, "epochs": 12},
    "resources": {"workers": 2},
    "checkpoint": {"every_epochs": None, "every_steps": 30},
}
# A job is preempted only when it has run for a while.
LONGER = LONG | {
    "name": "longer",
    "hyperparameters": LONG["hyperparameters"] | {"epochs": 150},
    "checkpoint": {"every_epochs": 10},
}
FOREST = {
    "name": "forest",
    "algorithm": "random_forest",
    "dataset": "digits",
    "hyperparameters": {"n_estimators": 80},
    "checkpoint": {"every_steps": 5},
}


@pytest.fixture(scope="module")
def uninterrupted(platform: Platform) -> Callable[[dict[str, Any]], str]:
    """The model's digest of a run that nothing interrupts."""

    @cache
    def digest(name: str) -> str:
        (spec,) = [spec for spec in (LONG, LONGER, FOREST) if spec["name"] == name]
        return weights_of(platform, platform.client.submit(spec).wait(timeout=100))

    return lambda spec: digest(spec["name"])


def weights_of(platform: Platform, job: Job) -> str:
    """The digest of the trained model."""
    folder = platform.home / "objects" / "models" / job.id
    (model,) = [*folder.glob("*/weights.safetensors"), *folder.glob("*/model.skops")]
    return hashlib.sha256(model.read_bytes()).hexdigest()


def saved_steps(job: Job) -> list[int]:
    return [event.data["step"] for event in job.events() if event.kind == "checkpoint"]


@pytest.mark.parametrize("spec", [LONG, FOREST], ids=lambda spec: spec["name"])
def test_killed_it_ends_with_the_same_model(
    platform: Platform, uninterrupted: Callable[[dict[str, Any]], str], spec: dict[str, Any]
) -> None:
    job = platform.client.submit(spec)
    wait_until(lambda: len(saved_steps(job)) >= 2, "two checkpoints")
    os.kill(platform.task_pids()[-1], signal.SIGKILL)
    job.wait(timeout=100)
    assert [event.kind for event in job.events()].count("job.started") == 2
    assert weights_of(platform, job) == uninterrupted(spec)


@pytest.mark.parametrize("spec", [LONG, FOREST], ids=lambda spec: spec["name"])
def test_paused_and_resumed_it_loses_no_step_and_ends_with_the_same_model(
    platform: Platform, uninterrupted: Callable[[dict[str, Any]], str], spec: dict[str, Any]
) -> None:
    job = platform.client.submit(spec)
    wait_until(lambda: saved_steps(job), "a checkpoint")
    before = saved_steps(job)
    job.pause()
    wait_until(lambda: job.refresh().status == "paused", "the pause")
    (paused,) = [event.data for event in job.events() if event.kind == "job.paused"]
    assert paused["steps_lost"] == 0
    assert saved_steps(job)[-1] > before[-1]
    job.resume()
    job.wait(timeout=100)
    assert weights_of(platform, job) == uninterrupted(spec)


def test_preempted_it_loses_no_step_and_ends_with_the_same_model(
    platform: Platform, uninterrupted: Callable[[dict[str, Any]], str]
) -> None:
    job = platform.client.submit(LONGER)
    wait_until(lambda: saved_steps(job), "a checkpoint")
    urgent = {"name": "urgent", "algorithm": "mlp", "dataset": "iris", "priority": "high"}
    first = platform.client.submit(urgent | {"resources": {"workers": 3}})
    first.wait(timeout=100)
    job.wait(timeout=100)
    kinds = [(event.kind, event.data) for event in job.events()]
    assert [kind for kind, _ in kinds].count("job.started") == 2
    (requeued,) = [data for kind, data in kinds if kind == "job.requeued"]
    assert (requeued["class"], requeued["steps_lost"]) == ("preempted", 0)
    assert weights_of(platform, job) == uninterrupted(LONGER)
