"""Datasets that are read piece by piece: whose rows are whose, in which order, and what is learned from them."""

import threading
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from pyarrow import parquet

from tensorfleet.jobs.schemas import SplitPolicy
from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training.algorithms.neural import NEURAL
from tensorfleet.training.context import TaskContext
from tensorfleet.training.data import Source
from tensorfleet.training.models import load_model
from tensorfleet.training.run import run_task
from tensorfleet.training.session import Session
from tensorfleet.training.streaming import Stream, gather_over, share_of_groups

MLP = NEURAL[0]
HYPER = {"hidden": [16], "epochs": 3, "batch_size": 16, "stream": True}


class Store:
    """What torch's store does, for ranks that are threads."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._changed = threading.Condition()

    def set(self, key: str, value: str) -> None:
        with self._changed:
            self._kept[key] = value.encode()
            self._changed.notify_all()

    def wait(self, keys: list[str]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: all(key in self._kept for key in keys), 30)

    def get(self, key: str) -> bytes:
        return self._kept[key]


def _file(folder: Path, frame: pl.DataFrame, rows: int = 100) -> Path:
    path = folder / "rows.parquet"
    parquet.write_table(frame.to_arrow(), path, row_group_size=rows)
    return path


def _streams(
    folder: Path, path: Path, world_size: int, target: str = "target", ends_early: bool = False
) -> list[Stream]:
    store, found = Store(), {}

    def open_one(rank: int) -> None:
        context = TaskContext(folder / str(rank), "j", rank, world_size, "", folder)
        gather = gather_over(store, rank, world_size)
        found[rank] = Stream(
            Session(context),
            Source("d", path, "parquet", target),
            MLP,
            torch.device("cpu"),
            gather,
            ends_early,
        )

    ranks = [threading.Thread(target=open_one, args=(rank,)) for rank in range(world_size)]
    for thread in ranks:
        thread.start()
    for thread in ranks:
        thread.join()
    return [found[rank] for rank in range(world_size)]


@pytest.mark.parametrize(("rows", "world_size"), [([10] * 7, 2), ([1, 100, 3, 50, 50], 3), ([5, 5], 2)])
def test_row_groups_are_dealt_evenly(rows, world_size):
    shares = [share_of_groups(rows, rank, world_size) for rank in range(world_size)]
    assert sorted(group for share in shares for group in share) == list(range(len(rows)))
    assert all(shares)
    loads = [sum(rows[group] for group in share) for share in shares]
    assert max(loads) - min(loads) <= max(rows)


@pytest.fixture
def numbered() -> pl.DataFrame:
    """Each row can be told from its `id`."""
    return pl.DataFrame(
        {"id": np.arange(1050.0), "noise": np.random.default_rng(1).random(1050)}
    ).with_columns(target=(pl.col("id") % 2).cast(pl.Int64))


def _ids(stream: Stream, x: torch.Tensor) -> list[int]:
    scaler = stream.prepare
    return np.rint(x[:, 0].numpy() * scaler.scale_[0] + scaler.mean_[0]).astype(int).tolist()


def test_no_rank_reads_anothers_rows(tmp_path, numbered, monkeypatch):
    read: dict[str, set[int]] = {}
    read_row_group = parquet.ParquetFile.read_row_group

    def noted(self, group, *args, **kwargs):
        read.setdefault(threading.current_thread().name.partition("_")[0], set()).add(group)
        return read_row_group(self, group, *args, **kwargs)

    monkeypatch.setattr(parquet.ParquetFile, "read_row_group", noted)
    streams = _streams(tmp_path, _file(tmp_path, numbered), 2)
    by_rank = [groups for _, groups in sorted(read.items())]
    assert len(by_rank) == 2
    for stream in streams:
        read.clear()
        for _ in stream.batches(1, 0, 32).read(0):
            pass
        by_rank.append(set().union(*read.values()))
    for groups in (by_rank[:2], by_rank[2:]):
        assert not groups[0] & groups[1]
        assert groups[0] | groups[1] == set(range(11))


def test_a_stream_that_ends_early_looks_at_rows_that_are_neither_trained_on_nor_held_out(tmp_path, numbered):
    streams = _streams(tmp_path, _file(tmp_path, numbered), 2, ends_early=True)
    watched = {row for stream in streams for row in _ids(stream, stream.watched_x)}
    held_out = {row for stream in streams for row in stream.problem().rows.tolist()}
    trained = {
        row for stream in streams for x, _ in stream.batches(1, 0, 32).read(0) for row in _ids(stream, x)
    }
    assert len(watched) >= 60
    assert not watched & trained
    assert not watched & held_out
    assert not held_out & trained
    assert len(trained) == streams[0].rows


def test_an_epoch_has_every_training_row_once(tmp_path, numbered):
    streams = _streams(tmp_path, _file(tmp_path, numbered), 2)
    held_out = [row for stream in streams for row in _ids(stream, stream.watched_x)]
    orders = []
    for epoch in (1, 2):
        batches = [stream.batches(epoch, 0, 32) for stream in streams]
        assert len(batches[0]) == len(batches[1])
        seen = [[_ids(s, x) for x, _ in b.read(0)] for s, b in zip(streams, batches, strict=True)]
        assert all(len(batch) in (26, 27, 28, 29, 30, 31, 32) for rank in seen for batch in rank)
        flat = [row for rank in seen for batch in rank for row in batch]
        assert len(flat) == len(set(flat)) == streams[0].rows == batches[0].rows_before(len(batches[0]))
        assert not set(flat) & set(held_out)
        assert len(held_out) + len(flat) >= 1050 - 10
        orders.append(flat)
        assert all(y.tolist() == [row % 2 for row in _ids(streams[0], x)] for x, y in batches[0].read(0))
    assert orders[0] != orders[1]


@pytest.mark.parametrize("first", [1, 3, 9, 13])
def test_reading_goes_on_in_the_middle_without_what_was_read(tmp_path, numbered, first, monkeypatch):
    (stream,) = _streams(tmp_path, _file(tmp_path, numbered), 1)
    whole = [x for x, _ in stream.batches(2, 0, 64).read(0)]
    assert len(whole) == 14
    read = []
    read_row_group = parquet.ParquetFile.read_row_group
    monkeypatch.setattr(
        parquet.ParquetFile,
        "read_row_group",
        lambda self, group, **more: read.append(group) or read_row_group(self, group, **more),
    )
    rest = [x for x, _ in stream.batches(2, 0, 64).read(first)]
    assert len(rest) == 14 - first
    assert all(torch.equal(a, b) for a, b in zip(rest, whole[first:], strict=True))
    assert len(read) <= 11 - (first * 64) // 80


def _train(folder, data, **more):
    task = {"data": data, "algorithm": "mlp", "hyperparameters": HYPER} | more
    task_dir = write_task(folder, **task)
    code = run_task(task_dir)
    return code, read_outcome(task_dir), task_dir


def test_the_digits_as_a_stream_of_csv(tmp_path):
    frame = sample_frame("digits")
    hyper = HYPER | {"hidden": [64], "epochs": 12}
    code, outcome, _ = _train(tmp_path, csv_bytes(frame), hyperparameters=hyper)
    assert code == 0, outcome
    assert outcome["metrics"]["accuracy"] > 0.93
    model = load_model(model_folder(tmp_path, outcome))
    for sample in outcome["evaluation"]["samples"][:5]:
        assert frame["target"][sample["row"]] == sample["truth"]
        assert model.predict(frame[[sample["row"]]]).tolist() == [sample["predicted"]]


def test_numbers_are_predicted_in_their_unit(tmp_path):
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (4000, 2))
    frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": 1000 + 50 * x[:, 0] - 20 * x[:, 1]})
    hyper = HYPER | {"epochs": 6, "learning_rate": 0.01}
    code, outcome, _ = _train(tmp_path, csv_bytes(frame), target_column="y", hyperparameters=hyper)
    assert code == 0, outcome
    assert outcome["evaluation"]["task"] == "regression"
    assert outcome["metrics"]["r2"] > 0.98


def test_the_split_of_a_job_file_that_names_none_is_its_own(tmp_path):
    code, outcome, _ = _train(tmp_path, csv_bytes(sample_frame("iris")), split=SplitPolicy().model_dump())
    assert code == 0, outcome


def test_another_split_than_its_own_is_refused(tmp_path):
    code, outcome, _ = _train(tmp_path, csv_bytes(sample_frame("iris")), split={"test": 0.3})
    assert code == 1
    assert "leave split out" in outcome["message"]


@pytest.mark.parametrize("step", [1, 2])
def test_a_resumed_stream_ends_with_the_same_weights(tmp_path, step):
    data, policy = csv_bytes(sample_frame("breast_cancer")), {"every_steps": 11}
    _, straight, first = _train(tmp_path, data, checkpoint=policy)
    resume = read_records(first, "checkpoint")[step]
    _, resumed, _ = _train(tmp_path, data, checkpoint=policy, attempt=2, resume=resume)
    weights = [
        {f["path"]: f["sha256"] for f in outcome["model"]["files"]}["weights.safetensors"]
        for outcome in (straight, resumed)
    ]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({"x": [1.0] * 50, "y": ["a"] * 50}), "one class only"),
        (pl.DataFrame({"x": [1.0] * 50, "z": ["a", "b"] * 25}), "no column 'y'"),
        (pl.DataFrame({"y": ["a", "b"] * 25, "i": [f"id {n}" for n in range(50)]}), "no column is left"),
    ],
)
def test_what_cannot_be_learned_from_is_said_so(tmp_path, frame, message):
    code, outcome, _ = _train(tmp_path, csv_bytes(frame), target_column="y")
    assert code == 1
    assert outcome["class"] == "data"
    assert message in outcome["message"]
