"""`auto` on two ranks as real processes: the same as on one, stopped and killed between candidates, and on the platform."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tensorfleet.datasets.samples import sample_csv
from tensorfleet.testing.frames import csv_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tests.integration.platform import Platform, wait_until
from tests.integration.ranks import WarmRanks, warm_ranks

LIGHT = ["linear", "naive_bayes", "knn", "lightgbm", "xgboost"]
TASK: dict[str, Any] = {
    "data": csv_bytes(sample_frame("wine")),
    "algorithm": "auto",
    "hyperparameters": {"max_candidates": 14, "time_budget_s": None, "families": LIGHT},
    "checkpoint": {"every_steps": 1},
}


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmRanks]:
    with warm_ranks() as found:
        yield found


def tasks(folder: Path, world_size: int, **more: Any) -> list[Path]:
    return [
        write_task(folder, rank=rank, world_size=world_size, **(TASK | more)) for rank in range(world_size)
    ]


def model_files(folder: Path, ranks: list[Path]) -> dict[str, bytes]:
    outcome = read_outcome(ranks[0])
    assert outcome["status"] == "succeeded", outcome
    root = model_folder(folder, outcome)
    found = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != "MLmodel"}


@pytest.fixture(scope="module")
def alone(warm: WarmRanks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("alone")
    ranks = tasks(folder, 1)
    assert warm.run(ranks) == [0], (ranks[0] / "log").read_text()
    return model_files(folder, ranks)


@pytest.mark.parametrize(
    "signals",
    [
        {0: (6, signal.SIGTERM)},  # which brings the other along
        {0: (9, signal.SIGKILL)},
    ],
    ids=["stopped", "killed"],
)
def test_two_ranks_that_are_interrupted_find_what_one_finds(
    warm: WarmRanks, tmp_path: Path, alone: dict[str, bytes], signals: dict[int, tuple[int, int]]
) -> None:
    first = tasks(tmp_path, 2)
    warm.run(first, signals)
    saved = read_records(first[0], "checkpoint")[-1]
    assert 4 <= saved["step"] < 14
    second = tasks(tmp_path, 2, attempt=2, resume=saved)
    assert warm.run(second) == [0, 0], (second[0] / "log").read_text()
    told = [one["step"] for one in read_records(second[0], "candidate")]
    assert told == list(range(saved["step"], 14)), "what is in the checkpoint is not tried twice"
    assert model_files(tmp_path, second) == alone
    assert read_outcome(second[1])["model"] is None


def test_a_job_survives_and_its_replay_is_bit_equal(platform: Platform, tmp_path: Path) -> None:
    hyperparameters = {"time_budget_s": 6, "families": LIGHT}
    job = platform.client.submit(
        {
            "name": "auto",
            "model_name": "auto-wine",
            "algorithm": "auto",
            "dataset": "wine",
            "hyperparameters": hyperparameters,
            "resources": {"workers": 2},
            "checkpoint": {"every_steps": 1},
        }
    )
    wait_until(lambda: len(job.leaderboard()) >= 8, "the leaderboard of a job that runs")
    assert job.refresh().status == "running"
    os.kill(platform.task_pids()[1], signal.SIGKILL)
    job.wait(90)
    assert job.status == "completed", job.data["error"]
    assert job.data["attempt"] == 2

    board = job.leaderboard()
    assert sum(one["weight"] for one in board) == pytest.approx(1, abs=1e-3)
    assert [one["score"] for one in board if one["score"] is not None] == sorted(
        one["score"] for one in board if one["score"] is not None
    )
    steps = [point.step for point in job.metrics()["best_cv_log_loss"]]
    assert len(steps) >= len(board)
    assert job.data["metrics"]["accuracy"] >= 0.9

    frame = pl.read_csv(io.BytesIO(sample_csv("wine")))
    guesses = job.model.predict(frame)
    assert (guesses.astype(str) == frame["cultivar"].cast(pl.String).to_numpy()).mean() >= 0.9

    again = job.replay().wait(90)
    found = job.diff(again)
    assert found["bit_equal"] is True, found["files"]

    printed = platform.cli("jobs", "leaderboard", job.id).stdout
    assert board[0]["family"] in printed
    assert json.loads(platform.cli("jobs", "leaderboard", job.id, "--json").stdout) == board
    refused = platform.client.submit({"name": "plain", "algorithm": "knn", "dataset": "wine"}).wait(60)
    answer = platform.cli("jobs", "leaderboard", refused.id, check=False)
    assert answer.returncode == 1
    assert "algorithm: auto" in answer.stderr
