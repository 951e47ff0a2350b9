"""XGBoost and LightGBM on two ranks as real processes: as good as one, stopped and killed between rounds, on the platform."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.ranks import rank_environment
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training.models import load_model
from tests.integration.platform import Platform, wait_until
from tests.integration.ranks import WarmRanks, warm_ranks

LIBRARIES = ("xgboost", "lightgbm")
FILES = {"xgboost": "model.ubj", "lightgbm": "model.txt"}
WITHIN = 0.005  # of the quality on one rank
ROUNDS = 150


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmRanks]:
    with warm_ranks() as found:
        yield found


def tasks(folder: Path, world_size: int, sample: str, algorithm: str, **more: Any) -> list[Path]:
    data = csv_bytes(sample_frame(sample))
    return [
        write_task(folder, rank=rank, world_size=world_size, data=data, algorithm=algorithm, **more)
        for rank in range(world_size)
    ]


@pytest.mark.parametrize(
    ("library", "sample", "more"),
    [
        ("xgboost", "digits", {}),
        ("xgboost", "breast_cancer", {}),
        # On several ranks LightGBM estimates how many rows a leaf has; so few rows need a limit that does not count them.
        ("lightgbm", "digits", {"min_child_samples": 1, "min_child_weight": 1.0}),
    ],
)
def test_two_ranks_are_as_good_as_one(
    warm: WarmRanks, tmp_path: Path, library: str, sample: str, more: dict[str, Any]
) -> None:
    hyper = {"n_estimators": 60, **more}
    one = tasks(tmp_path / "one", 1, sample, library, hyperparameters=hyper)
    two = tasks(tmp_path / "two", 2, sample, library, hyperparameters=hyper)
    assert warm.run(one) == [0]
    assert warm.run(two) == [0, 0], (two[0] / "log").read_text()
    alone, together = read_outcome(one[0]), read_outcome(two[0])
    assert together["metrics"]["accuracy"] >= alone["metrics"]["accuracy"] * (1 - WITHIN)
    assert alone["metrics"]["accuracy"] >= 0.94
    other = read_outcome(two[1])
    assert [other[name] for name in ("status", "metrics", "evaluation", "model")] == [
        "succeeded",
        {},
        {},
        None,
    ]
    held_out = read_records(two[0], "metrics")[59]["values"]["held_out_loss"]
    assert held_out == pytest.approx(together["metrics"]["log_loss"], rel=1e-4), "of all ranks' rows"
    rows = [int((rank / "log").read_text().split(" training rows here")[0].split()[-1]) for rank in two]
    assert abs(rows[0] - rows[1]) <= 1
    assert sum(rows) == int((one[0] / "log").read_text().split(" training rows here")[0].split()[-1])


@pytest.mark.parametrize("world_size", [2, 3])
def test_on_one_machine_lightgbm_opens_no_port_and_grows_the_same_trees(
    warm: WarmRanks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world_size: int
) -> None:
    hyper = {"n_estimators": 12, "min_child_samples": 5}
    near = tasks(tmp_path / "near", world_size, "breast_cancer", "lightgbm", hyperparameters=hyper)
    assert warm.run(near) == [0] * world_size, (near[0] / "log").read_text()
    # Another spelling of loopback, by which it is not known: as if the ranks were on several machines.
    elsewhere = lambda *told: rank_environment(*told) | {"MASTER_ADDR": "127.1"}  # noqa: E731
    monkeypatch.setattr("tests.integration.ranks.rank_environment", elsewhere)
    far = tasks(tmp_path / "far", world_size, "breast_cancer", "lightgbm", hyperparameters=hyper)
    assert warm.run(far) == [0] * world_size, (far[0] / "log").read_text()
    logs = [(ranks[0] / "log").read_text() for ranks in (near, far)]
    assert ["[LightGBM] [Info] Listening..." in log for log in logs] == [False, True]
    boosters = [
        (model_folder(tmp_path / name, read_outcome(ranks[0])) / FILES["lightgbm"]).read_bytes()
        for name, ranks in (("near", near), ("far", far))
    ]
    if world_size == 2:
        assert boosters[0] == boosters[1], "a sum of two is the same in either order"
    accuracies = [read_outcome(ranks[0])["metrics"]["accuracy"] for ranks in (near, far)]
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.03)


def test_a_rank_of_lightgbm_that_is_left_alone_says_so_and_ends(warm: WarmRanks, tmp_path: Path) -> None:
    two = tasks(tmp_path, 2, "wine", "lightgbm", hyperparameters={"n_estimators": ROUNDS})
    codes = warm.run(two, {1: (7, signal.SIGALRM)})
    assert codes[1] == -signal.SIGALRM
    outcome = read_outcome(two[0])
    assert (outcome["status"], outcome["class"]) == ("failed", "infrastructure")
    assert outcome["message"].startswith("rank 1 has left the meeting")


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_stop_of_one_rank_stops_both_after_the_same_round(
    warm: WarmRanks, tmp_path: Path, library: str
) -> None:
    hyper = {"n_estimators": 20}
    straight = tasks(tmp_path / "straight", 2, "wine", library, hyperparameters=hyper)
    assert warm.run(straight) == [0, 0]
    first = tasks(tmp_path, 2, "wine", library, hyperparameters=hyper)
    assert warm.run(first, {1: (7, signal.SIGTERM)}) == [0, 0]
    outcomes = [read_outcome(rank) for rank in first]
    assert [(one["status"], one["step"]) for one in outcomes] == [("stopped", 7)] * 2
    assert outcomes[0]["saved_step"] == 7
    saved = read_records(first[0], "checkpoint")[-1]
    second = tasks(tmp_path, 2, "wine", library, hyperparameters=hyper, attempt=2, resume=saved)
    assert warm.run(second) == [0, 0]
    boosters = [
        (model_folder(folder, read_outcome(ranks[0])) / FILES[library]).read_bytes()
        for folder, ranks in ((tmp_path, second), (tmp_path / "straight", straight))
    ]
    assert boosters[0] == boosters[1]
    alone = tasks(tmp_path, 1, "wine", library, hyperparameters=hyper, attempt=3, resume=saved)
    assert warm.run(alone) == [0], "another number of ranks goes on too"
    assert read_outcome(alone[0])["metrics"]["accuracy"] >= 0.9


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_job_goes_on_after_one_of_its_two_ranks_was_killed(platform: Platform, library: str) -> None:
    job = platform.client.submit(
        {
            "name": f"boost-{library}",
            "algorithm": library,
            "dataset": "digits",
            "hyperparameters": {"n_estimators": ROUNDS},
            "resources": {"workers": 2},
            "checkpoint": {"every_steps": 5},
        }
    )

    def under_way() -> list[int]:
        return platform.task_pids() if len(job.metrics().get("loss", ())) >= 10 else []

    pids = wait_until(under_way, "the tenth round")
    assert isinstance(pids, list)
    os.kill(pids[-1], signal.SIGKILL)
    done = job.wait(timeout=90)
    assert done.status == "completed"
    assert done.data["attempt"] == 2
    assert done.data["metrics"]["accuracy"] >= 0.93
    assert any("resuming after round" in line.text for line in job.logs())
    assert [point.step for point in job.metrics()["loss"]] == list(range(1, ROUNDS + 1))


@pytest.mark.filterwarnings("ignore")  # MLflow's own
@pytest.mark.parametrize("library", LIBRARIES)
def test_mlflow_loads_and_predicts(warm: WarmRanks, tmp_path: Path, library: str) -> None:
    import mlflow.pyfunc

    task = tasks(tmp_path, 1, "wine", library)
    assert warm.run(task) == [0]
    folder = model_folder(tmp_path, read_outcome(task[0]))
    frame = sample_frame("wine").drop("target")
    loaded = mlflow.pyfunc.load_model(str(folder))
    assert list(loaded.predict(frame.to_pandas())) == load_model(folder).predict(frame).tolist()
    assert not list(folder.rglob("*.pkl"))
    assert library in (folder / "requirements.txt").read_text()
