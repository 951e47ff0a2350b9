"""What training code calls: metrics, checkpoints, shards."""

import math

import numpy as np
import polars as pl
import pytest
import torch

from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.errors import InvalidInput
from tensorfleet.testing.tasks import read_records, write_task
from tensorfleet.training import checkpoints, train
from tensorfleet.training.context import load_context
from tensorfleet.training.session import Session, activate
from tensorfleet.training.shard import shard_rows


def _session(folder, **task):
    session = Session(load_context(write_task(folder, **task)))
    activate(session)
    return session


def _same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and (a == b or (a != a and b != b))


STATES = {
    "scalars": {
        "epoch": 3,
        "loss": 0.5,
        "none": None,
        "flag": True,
        "name": "é",
        "nan": math.nan,
        "big": 2**80,
    },
    "containers": [1, (2, [3, {"x": ()}]), {0: "int key", None: 1, "b": b"\x00\xff"}],
    "bare": 5,
    "numpy": {"a": np.arange(6.0).reshape(2, 3)[:, ::2], "empty": np.zeros((0, 3)), "bits": np.array([True])},
    "numpy of no dimension": {"iterations": np.array(3)},
    "torch": {
        "w": torch.arange(6.0).reshape(2, 3).T,
        "half": torch.ones(2, dtype=torch.bfloat16),
        "n": torch.tensor(7),
    },
    "both": (torch.ones(2), np.ones(2), np.uint8([1])),
}


@pytest.mark.parametrize("name", STATES)
def test_state_comes_back_as_it_was(name):
    assert _same(checkpoints.decode(checkpoints.encode(STATES[name])), STATES[name])


def test_optimizer_and_tied_weights_come_back():
    layer = torch.nn.Linear(3, 3)
    layer.register_parameter("tied", layer.weight)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = {"model": dict(layer.state_dict()), "optimizer": optimizer.state_dict()}
    assert _same(checkpoints.decode(checkpoints.encode(state)), state)


@pytest.mark.parametrize("value", [{1, 2}, object(), np.array(["text"]), {(1, 2): 3}, lambda: 0])
def test_what_cannot_be_kept_is_named(value):
    with pytest.raises(InvalidInput, match="checkpoint"):
        checkpoints.encode({"deep": [value]})


def test_every_altered_or_missing_byte_is_noticed():
    data = checkpoints.encode({"w": np.arange(3), "n": 1})
    for position in range(8, len(data)):
        altered = bytearray(data)
        altered[position] ^= 1
        try:
            state = checkpoints.decode(bytes(altered))
        except checkpoints.Damaged:
            continue
        # JSON's padding and the like may change without changing anything that is meant.
        assert _same(state, {"w": np.arange(3), "n": 1})
    for length in range(len(data)):
        with pytest.raises(checkpoints.Damaged):
            checkpoints.decode(data[:length])


def test_save_keeps_the_last_and_records_each(tmp_path):
    session = _session(tmp_path, checkpoint={"keep_last": 2})
    for step in range(1, 12):
        train.save({"step": step}, step=step)
    session.saver.wait()
    keys = checkpoints.list_checkpoints(session.objects, "j-test")
    assert keys == ["checkpoints/j-test/1-11.safetensors", "checkpoints/j-test/1-10.safetensors"]
    records = read_records(session.context.task_dir, "checkpoint")
    assert [record["step"] for record in records] == list(range(1, 12))
    assert records[-1]["key"] == keys[0]
    assert records[-1]["bytes"] == session.objects.size(keys[0])


def test_only_rank_0_saves(tmp_path):
    session = _session(tmp_path, rank=1, world_size=2)
    assert train.save({"a": 1}, step=1) is None
    assert checkpoints.list_checkpoints(session.objects, "j-test") == []


def test_restore_verifies_and_falls_back(tmp_path, capsys):
    session = _session(tmp_path)
    assert train.restore() is None
    for step in (1, 2):
        train.save({"step": step}, step=step, wait=True)
    older, newer = read_records(session.context.task_dir, "checkpoint")

    task = write_task(tmp_path, attempt=2, resume=newer)
    resumed = Session(load_context(task))
    assert resumed.restore() == {"step": 2}

    whole = session.objects.get(newer["key"])
    session.objects.put(newer["key"], whole[:-1] + bytes([whole[-1] ^ 1]))
    assert resumed.restore() == {"step": 1}
    assert f"{newer['key']} is damaged" in capsys.readouterr().err

    session.objects.delete(newer["key"])
    session.objects.delete(older["key"])
    assert resumed.restore() is None
    assert "no usable checkpoint is left" in capsys.readouterr().err


def test_report_writes_whole_lines_and_nulls(tmp_path, capsys):
    session = _session(tmp_path)
    train.report(step=3, loss=torch.tensor(0.5), accuracy=np.float32(0.25))
    train.report(loss=math.nan)
    train.report(loss=math.inf)
    records = read_records(session.context.task_dir, "metrics")
    assert [record["step"] for record in records] == [3, 4, 5]
    assert [record["values"] for record in records] == [
        {"loss": 0.5, "accuracy": 0.25},
        {"loss": None},
        {"loss": None},
    ]
    assert capsys.readouterr().err.count("metric 'loss' is nan") == 1
    with pytest.raises(InvalidInput, match="metric 'loss' is 'low', a str"):
        train.report(loss="low")


@pytest.mark.parametrize(("rows", "world_size"), [(10, 1), (10, 3), (2, 4), (0, 2)])
def test_shards_are_disjoint_cover_and_follow_from_the_seed(rows, world_size):
    shards = [shard_rows(rows, rank, world_size, seed=5) for rank in range(world_size)]
    assert sorted(np.concatenate(shards).tolist()) == list(range(rows))
    assert all(np.array_equal(shard, shard_rows(rows, r, world_size, 5)) for r, shard in enumerate(shards))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_dataset_is_this_ranks_rows(tmp_path):
    frame = pl.DataFrame({"x": range(9), "y": range(9)})
    data = frame.write_csv().encode()
    seen = []
    for rank in range(2):
        _session(tmp_path / str(rank), data=data, rank=rank, world_size=2, target_column="y")
        shard = train.dataset()
        assert (shard.columns, shard.target, train.rank(), train.world_size()) == (["x", "y"], "y", rank, 2)
        assert shard.to_pandas()["x"].tolist() == shard.to_polars()["x"].to_list()
        X, y = shard.xy()
        assert X.shape == (len(shard), 1)
        seen += y.tolist()
    assert sorted(seen) == list(range(9))


def test_by_hand_everything_has_a_default(tmp_path, monkeypatch, capsys):
    activate(None)
    assert (train.params(), train.rank(), train.world_size(), train.restore()) == ({}, 0, 1, None)
    train.report(step=1, loss=0.5)
    assert capsys.readouterr().out == "step 1  loss 0.5\n"
    train.save({"epoch": 1}, step=1, wait=True)
    activate(None)
    monkeypatch.setenv("TENSORFLEET_PARAMS", '{"epochs": 2}')
    monkeypatch.setenv("TENSORFLEET_DATASET", "iris")
    assert train.restore() == {"epoch": 1}
    assert train.params() == {"epochs": 2}
    assert len(train.dataset()) == 150
    assert open_object_store(f"file://{tmp_path}/.tensorfleet/objects").size(
        "checkpoints/by-hand/1-1.safetensors"
    )
