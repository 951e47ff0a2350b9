"""Saving beside the training: what is stored is recorded, what fails is told, and nothing stored is lost."""

import random
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from tensorfleet.errors import NotFound, StorageFull, Unavailable
from tensorfleet.testing.tasks import read_records, write_task
from tensorfleet.training import checkpoints, train
from tensorfleet.training.context import load_context
from tensorfleet.training.run import failure
from tensorfleet.training.session import Session, activate


class Store:
    """An object store whose puts can be held back, or fail."""

    def __init__(self, inner):
        self.inner = inner
        self.gate = threading.Event()
        self.gate.set()
        self.error = None

    def put(self, key, data, **options):
        assert self.gate.wait(30)
        if self.error is not None:
            raise self.error
        return self.inner.put(key, data, **options)

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.fixture
def session(tmp_path):
    return _session(tmp_path)


def _session(folder, **task):
    session = Session(load_context(write_task(folder, **task)))
    session.__dict__["objects"] = Store(session.objects)
    activate(session)
    return session


def _keys(session):
    return checkpoints.list_checkpoints(session.objects, "j-test")


def _records(session, kind):
    session.saver.wait()
    return read_records(session.context.task_dir, kind)


def test_a_save_returns_before_the_checkpoint_is_stored(session):
    train.report(step=0, loss=1.0)
    session.objects.gate.clear()
    state = {"w": torch.ones(3), "a": np.ones(3), "list": [1]}
    train.save(state, step=1)
    for changed in (state["w"], state["a"]):
        changed += 1  # the next training step
    state["list"].append(2)
    assert "checkpoint" not in (session.context.task_dir / "records.jsonl").read_text()
    assert session.saver.saved_step == -1
    session.objects.gate.set()
    (record,) = _records(session, "checkpoint")
    assert (record["step"], record["value"], session.saver.saved_step) == (1, 1.0, 1)
    stored = checkpoints.decode(session.objects.get(record["key"]))
    assert stored["w"].tolist() == stored["a"].tolist() == [1, 1, 1]
    assert stored["list"] == [1]


def test_one_save_is_under_way_at_a_time(session):
    session.objects.gate.clear()
    train.save({"n": 1}, step=1)
    second = threading.Thread(target=train.save, args=({"n": 2},), kwargs={"step": 2})
    second.start()
    second.join(0.05)
    assert second.is_alive(), "it waits for the one before"
    assert sum(thread.name == "checkpoint" for thread in threading.enumerate()) == 1
    session.objects.gate.set()
    second.join(10)
    assert [record["step"] for record in _records(session, "checkpoint")] == [1, 2]


@pytest.mark.parametrize(
    "error",
    [
        StorageFull("the object store has no space left for 'k'; free some space and try again"),
        NotFound("s3://gone/ does not exist; create the bucket or correct object_store_url"),
        Unavailable("the object store does not answer"),
        OSError("something else"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_save_that_fails_is_told_and_loses_nothing(tmp_path, capsys, error):
    session = _session(tmp_path, checkpoint={"keep_last": 1, "keep_best": 0})
    train.save({"n": 1}, step=1, wait=True)
    session.objects.error = error
    train.save({"n": 2}, step=2, wait=True)
    assert _keys(session) == ["checkpoints/j-test/1-1.safetensors"], "the newest stored one stays"
    (failed,) = _records(session, "checkpoint_failed")
    assert failed["step"] == 2
    told = capsys.readouterr().err
    assert str(error) in failed["message"] or error.detail in failed["message"]
    assert failed["message"] in told
    assert "training goes on" in told
    assert "the newest is of step 1" in told
    assert session.saver.saved_step == 1

    session.objects.error = None
    train.save({"n": 3}, step=3, wait=True)
    assert _keys(session) == ["checkpoints/j-test/1-3.safetensors"]
    (removed,) = _records(session, "checkpoint_removed")
    assert removed["key"] == "checkpoints/j-test/1-1.safetensors"


def test_the_best_stays_also_over_attempts(tmp_path):
    first = _session(tmp_path, checkpoint={"keep_last": 1, "keep_best": 1})
    for step, loss in ((1, 0.5), (2, 0.1), (3, 0.4)):
        train.report(step=step, loss=loss)
        train.save({"step": step}, step=step, wait=True)
    assert [record["value"] for record in _records(first, "checkpoint")] == [0.5, 0.1, 0.4]
    resume = _records(first, "checkpoint")[-1]
    second = _session(tmp_path, attempt=2, resume=resume, checkpoint={"keep_last": 1, "keep_best": 1})
    assert train.restore() == {"step": 3}
    train.save({"step": 4}, step=4, wait=True)
    assert "value" not in _records(second, "checkpoint")[-1], "nothing was reported for this state"
    train.report(step=5, loss=0.3)
    train.save({"step": 5}, step=5, wait=True)
    assert _keys(second) == ["checkpoints/j-test/2-5.safetensors", "checkpoints/j-test/1-2.safetensors"]


def test_what_another_rank_may_still_read_stays(tmp_path):
    resume = {"key": "checkpoints/j-test/1-1.safetensors", "step": 1, "sha256": None}
    session = _session(
        tmp_path, world_size=2, attempt=2, resume=resume, checkpoint={"keep_last": 1, "keep_best": 0}
    )
    session.objects.put(resume["key"], checkpoints.encode({"step": 1}))
    assert train.restore() == {"step": 1}
    for step in (2, 3):
        train.save({"step": step}, step=step, wait=True)
    assert _keys(session) == ["checkpoints/j-test/2-3.safetensors", resume["key"]]


def test_only_the_jobs_own_checkpoints_are_removed(tmp_path):
    session = _session(tmp_path, checkpoint={"keep_last": 1, "keep_best": 0, "max_bytes": 1})
    others = ["checkpoints/j-test-2/1-1.safetensors", "checkpoints/j-test/notes.txt", "models/j-test/1/x"]
    for key in others:
        session.objects.put(key, b"x")
    for step in (1, 2):
        train.save({"step": step}, step=step, wait=True)
    assert _keys(session) == ["checkpoints/j-test/1-2.safetensors"]
    assert all(session.objects.size(key) == 1 for key in others)


def _draws():
    return random.random(), np.random.random(), torch.rand(2).tolist()


@pytest.mark.parametrize("kept", [True, False])
def test_random_numbers_go_on_where_they_were(tmp_path, kept):
    session = _session(tmp_path)
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(3)
    _draws()
    train.save({"n": 1}, step=1, wait=True)
    expected = _draws()
    _session(tmp_path, attempt=2, resume=_records(session, "checkpoint")[-1])
    assert train.restore(rng=kept) == {"n": 1}
    assert (_draws() == expected) is kept


def test_a_state_without_random_numbers(tmp_path):
    session = _session(tmp_path)
    train.save({"n": 1}, step=1, rng=False, wait=True)
    _session(tmp_path, attempt=2, resume=_records(session, "checkpoint")[-1])
    expected = random.getstate()
    assert train.restore() == {"n": 1}
    assert random.getstate() == expected


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "empty"])
def test_a_damaged_newest_gives_way(tmp_path, capsys, damage):
    session = _session(tmp_path)
    for step in (1, 2):
        train.save({"step": step, "w": torch.ones(100)}, step=step, wait=True)
    newest = _records(session, "checkpoint")[-1]
    data = session.objects.get(newest["key"])
    if damage == "gone":
        session.objects.delete(newest["key"])
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]
        session.objects.put(newest["key"], {"flipped": flipped, "cut": data[:-100], "empty": b""}[damage])
    for sha256 in (newest["sha256"], None):  # as the platform names it, and as it is found in the folder
        again = _session(tmp_path / str(sha256)[:4], attempt=2, resume=newest | {"sha256": sha256})
        again.__dict__["objects"] = session.objects
        assert train.restore()["step"] == 1
        assert again.saver.saved_step == 1
        assert "looking for an older one" in capsys.readouterr().err


def test_a_store_that_is_gone_is_waited_for(tmp_path, capsys):
    session = _session(tmp_path)
    for step in (1, 2):
        train.save({"step": step}, step=step, wait=True)
    newest = _records(session, "checkpoint")[-1]
    (tmp_path / "objects").rename(tmp_path / "elsewhere")
    train.save({"step": 3}, step=3, wait=True)
    assert "put it back; training goes on" in capsys.readouterr().err

    later = Session(replace(session.context, attempt=2, checkpoint=newest))
    with pytest.raises(Unavailable, match="is not there; mount it, or put it back"):
        later.restore()
    assert failure(Unavailable("gone"), later.context)["class"] == "infrastructure"
    (tmp_path / "elsewhere").rename(tmp_path / "objects")
    assert later.restore() == {"step": 2}


def test_a_bucket_that_is_gone_is_no_reason_to_start_over(tmp_path):
    resume = {"key": "checkpoints/j-test/1-1.safetensors", "step": 1, "sha256": ""}
    session = _session(tmp_path, attempt=2, resume=resume)
    said = "s3://gone/ does not exist; create the bucket or correct object_store_url"

    def gone(error):
        def call(*_):
            raise error(said)

        return call

    session.objects.get = session.objects.list = gone(NotFound)
    session.objects.ping = gone(Unavailable)
    with pytest.raises(Unavailable, match="create the bucket"):
        train.restore()
