"""One rank, copies on two, parts on two: the same training; and parts go on from a checkpoint as copies do."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tests.integration.ranks import WarmRanks, warm_ranks

DIGITS = csv_bytes(sample_frame("digits"))


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmRanks]:
    with warm_ranks() as found:
        yield found


def _tasks(folder: Path, world_size: int, hyper: dict[str, Any], **more: Any) -> list[Path]:
    task = {"data": DIGITS, "algorithm": "mlp", "hyperparameters": {"hidden": [64, 32], **hyper}} | more
    return [write_task(folder, rank=rank, world_size=world_size, **task) for rank in range(world_size)]


def _losses(rank: Path) -> list[float]:
    return [record["values"]["loss"] for record in read_records(rank, "metrics")]


def _weights(folder: Path, rank: Path) -> bytes:
    outcome = read_outcome(rank)
    assert outcome["status"] == "succeeded", outcome
    return (model_folder(folder, outcome) / "weights.safetensors").read_bytes()


def test_one_rank_ddp_and_fsdp_come_to_the_same_loss(warm: WarmRanks, tmp_path: Path) -> None:
    found = {}
    for name, world_size, hyper in (
        ("one", 1, {"batch_size": 64}),
        ("ddp", 2, {"batch_size": 32}),
        ("fsdp", 2, {"batch_size": 32, "parallel": "fsdp"}),
    ):
        ranks = _tasks(tmp_path / name, world_size, {"epochs": 8, **hyper})
        assert warm.run(ranks) == [0] * world_size
        assert read_outcome(ranks[0])["metrics"]["accuracy"] > 0.95
        found[name] = _losses(ranks[0])
    assert found["ddp"][-1] == pytest.approx(found["one"][-1], rel=0.01)
    assert found["fsdp"][-1] == pytest.approx(found["one"][-1], rel=0.01)
    assert found["fsdp"] == pytest.approx(found["ddp"], rel=1e-3), "the same batches, step by step"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=lambda end: end.name)
def test_parts_go_on_from_a_checkpoint(warm: WarmRanks, tmp_path: Path, end: signal.Signals) -> None:
    hyper = {"epochs": 3, "dropout": 0.2, "parallel": "fsdp", "schedule": "cosine", "clip_norm": 1.0}
    straight = _tasks(tmp_path / "straight", 2, hyper)
    assert warm.run(straight) == [0, 0]

    folder = tmp_path / "halves"
    first = _tasks(folder, 2, hyper, checkpoint={"every_steps": 5})
    warm.run(first, {1: (17, end)})
    saved = read_records(first[0], "checkpoint")[-1]
    assert saved["step"] >= 10
    second = _tasks(folder, 2, hyper, attempt=2, resume=saved)
    assert warm.run(second) == [0, 0]
    assert _weights(folder, second[0]) == _weights(tmp_path / "straight", straight[0])


def test_a_checkpoint_of_copies_is_not_for_parts(warm: WarmRanks, tmp_path: Path) -> None:
    first = _tasks(tmp_path, 2, {"epochs": 1})
    assert warm.run(first) == [0, 0]
    saved = read_records(first[0], "checkpoint")[-1]
    second = _tasks(tmp_path, 2, {"epochs": 2, "parallel": "fsdp"}, attempt=2, resume=saved)
    assert warm.run(second) == [1, 1]
    assert "hyperparameters.parallel" in read_outcome(second[0])["message"]


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The digits in nine row groups."""
    path = tmp_path_factory.mktemp("parquet") / "digits.parquet"
    parquet.write_table(sample_frame("digits").to_arrow(), path, row_group_size=200)
    return path.read_bytes()


@pytest.mark.parametrize("world_size", [1, 2])
def test_a_stream_goes_on_where_it_was_killed(
    warm: WarmRanks, tmp_path: Path, groups: bytes, world_size: int
) -> None:
    task = {"data": groups, "data_format": "parquet", "checkpoint": {"every_steps": 5}}
    hyper = {"epochs": 4, "stream": True, "dropout": 0.1, "batch_size": 24}
    straight = _tasks(tmp_path / "straight", world_size, hyper, **task)
    assert warm.run(straight) == [0] * world_size
    assert read_outcome(straight[0])["metrics"]["accuracy"] > 0.85

    folder = tmp_path / "halves"
    first = _tasks(folder, world_size, hyper, **task)
    warm.run(first, {world_size - 1: (18, signal.SIGKILL)})
    saved = read_records(first[0], "checkpoint")[-1]
    assert saved["step"] >= 10
    second = _tasks(folder, world_size, hyper, attempt=2, resume=saved, **task)
    assert warm.run(second) == [0] * world_size
    assert _weights(folder, second[0]) == _weights(tmp_path / "straight", straight[0])
