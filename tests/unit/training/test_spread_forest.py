"""A forest that ranks have grown together is the one that a single rank grows, to the bit."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, RandomForestRegressor

from tensorfleet.errors import InvalidInput
from tensorfleet.testing.frames import parquet_bytes, sample_frame
from tensorfleet.testing.ranks import run_tasks
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training.algorithm import Grown
from tensorfleet.training.run import run_task
from tensorfleet.training.skops_file import dump_skops
from tensorfleet.training.spread import grow_forest, pack_trees, share, unpack_trees
from tensorfleet.training.stopping import Stopped

X = np.random.default_rng(0).normal(size=(80, 4))
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)


def test_shares_are_even_and_whole():
    for total in (1, 2, 7, 100):
        for ranks in (1, 2, 3, 8, 130):
            parts = [share(total, rank, ranks) for rank in range(ranks)]
            assert [parts[0][0], parts[-1][1]] == [0, total]
            assert all(a[1] == b[0] for a, b in pairwise(parts))
            sizes = [end - begin for begin, end in parts]
            assert max(sizes) - min(sizes) <= 1
            assert sizes[0] >= 1


class Alone:
    """A meeting of one process that plays all ranks in turn: what the later ones gave is there for rank 0."""

    def __init__(self, world_size):
        self.rank, self.world_size, self.given = 0, world_size, {}

    def gather(self, data):
        self.given[self.rank] = data
        return [self.given[rank] for rank in range(self.world_size)] if self.rank == 0 else None


class Quiet:
    """A session that nobody listens to."""

    class stop:  # noqa: N801
        asked = False

    def beat(self, step=None): ...

    def progress(self, value): ...


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("ranks", [1, 2, 3, 40])
@pytest.mark.parametrize("kind", [RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier])
def test_the_bytes_are_those_of_one_fit(kind, ranks, in_pieces):
    alone = kind(13, random_state=5).fit(X, Y)
    meeting = Alone(ranks)
    for meeting.rank in reversed(range(ranks)):
        grown = grow_forest(
            Quiet(), meeting, Grown("n_estimators"), kind(13, random_state=5), X, Y, in_pieces
        )
    assert dump_skops(grown) == dump_skops(alone)
    assert np.array_equal(grown.predict(X), alone.predict(X))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"\x80\x04K\x01." * 9,
        lambda data: data.replace(b"'shape': (3, 3)", b"'shape': (9, 1)"),
    ],
)
def test_trees_that_cannot_be_read_are_told(spoil):
    trees = RandomForestClassifier(3, random_state=5).fit(X, Y).estimators_
    assert len(unpack_trees(pack_trees(trees), trees[0])) == 3
    with pytest.raises(InvalidInput, match="another rank's trees cannot be read"):
        unpack_trees(spoil(pack_trees(trees)), trees[0])


def test_a_stop_ends_it_between_pieces():
    session = Quiet()
    session.stop = type("Asked", (), {"asked": True})
    model = RandomForestClassifier(13, random_state=5)
    with pytest.raises(Stopped):
        grow_forest(session, Alone(2), Grown("n_estimators"), model, X, Y, True)
    assert len(model.estimators_) < 7


@pytest.mark.parametrize("dataset", ["breast_cancer", "diabetes"])
def test_two_processes_give_the_model_of_one(tmp_path, dataset):
    task = {"data": parquet_bytes(sample_frame(dataset)), "data_format": "parquet"}
    task |= {"algorithm": "random_forest", "hyperparameters": {"n_estimators": 15}}
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    alone = write_task(tmp_path / "one", **task)
    assert run_task(alone) == 0
    ranks = [write_task(tmp_path / "two", rank=rank, world_size=2, **task) for rank in (0, 1)]
    assert run_tasks(ranks) == [0, 0]
    one, two = read_outcome(alone), read_outcome(ranks[0])
    assert two["metrics"] == one["metrics"]
    assert two["evaluation"] == one["evaluation"]
    models = [
        (model_folder(tmp_path / name, found) / "model.skops").read_bytes()
        for name, found in (("one", one), ("two", two))
    ]
    assert models[0] == models[1]
    other = read_outcome(ranks[1])
    assert [other[name] for name in ("status", "metrics", "evaluation", "model")] == [
        "succeeded",
        {},
        {},
        None,
    ]
    assert read_records(ranks[1], "metrics") == []
    assert read_records(ranks[0], "progress")[-1]["value"] == 1.0
