"""What of Keras's networks needs no TensorFlow: their packages, who gets them, and what ranks say to each other."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from packaging.requirements import Requirement

from tensorfleet.agent.env_templates import is_needed, refusal, with_packages
from tensorfleet.agent.requirements import NotReady
from tensorfleet.training.algorithm import CLASSIFICATION
from tensorfleet.training.algorithms.keras import TENSORFLOW, KerasMlpParams
from tensorfleet.training.keras_data import Arrays
from tensorfleet.training.keras_loop import _sum
from tensorfleet.training.registry import ALGORITHMS
from tensorfleet.training.template_imports import _trainers_of

ROOT = Path(__file__).parents[3]


def test_the_list_is_exact_and_the_extra_is_the_same() -> None:
    found = [Requirement(line) for line in TENSORFLOW]
    assert [str(one) for one in found] == list(TENSORFLOW), "as own code would write it: the same environment"
    assert all(str(one.specifier).startswith("==") for one in found)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [Requirement(line) for line in extras["tensorflow"]] == found
    assert "tensorflow" not in extras["all"][0]


def test_only_its_jobs_get_the_environment() -> None:
    keras = with_packages({"algorithm": "keras_mlp", "python": None})
    assert keras["requirements"] == TENSORFLOW
    assert is_needed(keras)
    assert not is_needed(with_packages({"algorithm": "mlp"}))
    own = {"entrypoint": "main.py", "algorithm": None, "requirements": ["six"]}
    assert with_packages(own) == own


def test_what_cannot_be_built_says_what_to_do() -> None:
    error = NotReady("user_error", "the job's environment cannot be built: nothing is there")
    told = refusal({"algorithm": "keras_mlp"}, error)
    assert told["class"] == "user_error"
    for words in ("keras_mlp needs", "nothing is there", "UV_FIND_LINKS", "install tensorfleet[tensorflow]"):
        assert words in told["message"]
    assert refusal({"entrypoint": "main.py"}, error) == error.outcome()


def test_a_template_knows_for_whom_its_environment_was_made(tmp_path: Path) -> None:
    assert _trainers_of(tmp_path) == []
    (tmp_path / "requirements.txt").write_text("keras==3.15.1\n")
    assert _trainers_of(tmp_path) == []
    (tmp_path / "requirements.txt").write_text("".join(f"{line}\n" for line in TENSORFLOW))
    assert _trainers_of(tmp_path) == ["tensorfleet.training.keras_trainer"]


def arrays(rank: int, world_size: int) -> Arrays:
    import polars as pl

    rows = np.arange(50)
    problem = SimpleNamespace(
        task=CLASSIFICATION,
        target="y",
        features=pl.DataFrame({"a": rows.astype(float), "b": rows[::-1].astype(float)}),
        y=rows % 3,
        train=rows[:41],
        held_out=rows[41:],
        watched=rows[41:],
    )
    context = SimpleNamespace(rank=rank, world_size=world_size, seed=7)
    return Arrays(context, problem, ALGORITHMS["keras_mlp"], KerasMlpParams())  # type: ignore[arg-type]


@pytest.mark.parametrize("start", [0, 13])
def test_two_ranks_take_the_batches_of_one(start: int) -> None:
    alone = list(arrays(0, 1).batches(3, start, 10).read(0))
    ranks = [list(arrays(rank, 2).batches(3, start, 5).read(0)) for rank in (0, 1)]
    assert sum(len(x) for x, _ in alone) == 41 - start
    for (x, y), *shares in zip(alone, *ranks, strict=True):
        assert sorted(x.tolist()) == sorted(np.concatenate([share[0] for share in shares]).tolist())
        assert sorted(y) == sorted(np.concatenate([share[1] for share in shares]))
    assert alone[0][0].tolist() != next(iter(arrays(0, 1).batches(4, start, 10).read(0)))[0].tolist()


def test_what_ranks_say_is_added_up_and_the_strongest_wish_counts() -> None:
    said = [
        np.array([rows, loss, wish]).tobytes() + np.array(vector, np.float32).tobytes()
        for rows, loss, wish, vector in [(3, 0.5, 0, [1, 2]), (2, 0.25, 2, [10, 20]), (1, 1.0, 1, [0, 1])]
    ]
    total = _sum(said, 24)
    assert np.frombuffer(total[:24]).tolist() == [6, 1.75, 2]
    assert np.frombuffer(total[24:], np.float32).tolist() == [11, 23]
