"""TensorFlow in an environment of its own: built once by a job that needs it, and used by all that follow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tensorfleet.testing.frames import sample_frame
from tensorfleet.training.algorithms.keras import TENSORFLOW
from tests.integration.platform import Platform, running_platform, wait_until

pytestmark = pytest.mark.timeout(420)  # the first test waits until the environment is built
CASES = Path(__file__).parent / "environment" / "keras_cases.py"
EXAMPLE = Path(__file__).parents[2] / "examples" / "keras_fit"
SPEC: dict[str, Any] = {"kind": "train", "algorithm": "keras_mlp", "dataset": "iris"}
SPEC |= {"hyperparameters": {"epochs": 30, "learning_rate": 0.01, "dropout": 0.1}}


@dataclass
class Ready:
    """A platform whose worker has the environment, and the job that had it built."""

    platform: Platform
    job: Any

    @property
    def folder(self) -> Path:
        (found,) = self.platform.home.glob("agent/environments/[!.]*")
        return found

    def run(self, **spec: Any) -> Any:
        job = self.platform.client.submit(SPEC | spec)
        job.wait(100)
        return job


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ready]:
    with running_platform(tmp_path_factory.mktemp("keras") / "home", workers=2) as platform:
        job = platform.client.submit(SPEC | {"name": "first", "model_name": "iris-keras"})
        wait_until(lambda: _over(job), "the environment and the job", 200)
        if job.refresh().status != "completed":
            reasons = [event.data["reason"] for event in job.events() if event.kind == "job.requeued"]
            if reasons and "could not be fetched" in reasons[0]:
                job.cancel()
                pytest.skip(f"TensorFlow's packages cannot be reached from here: {reasons[0]}")
        job.wait(1)
        yield Ready(platform, job)


def _over(job: Any) -> bool:
    """Whether the job has ended, or waits for another try."""
    return job.refresh().status in ("completed", "failed") or any(
        event.kind == "job.requeued" for event in job.events()
    )


def test_a_job_has_its_environment_built_and_leaves_a_model_for_everyone(ready: Ready) -> None:
    told = [event.data for event in ready.job.events() if event.kind == "environment"]
    assert [("message" in one, "seconds" in one) for one in told] == [(True, False), (False, True)]
    assert told[0]["message"] == "it is being built; the job starts when it is there"
    names = {path.name.partition("-")[0] for path in ready.folder.glob("lib/*/site-packages/*.dist-info")}
    assert "keras" in names
    assert not names & {"numpy", "torch", "polars"}, "these are TensorFleet's own"
    shown = ready.job.data["evaluation"]["samples"]
    rows = sample_frame("iris").drop("target")[[one["row"] for one in shown]]
    guesses = ready.job.model.predict(rows.to_numpy())
    assert guesses.tolist() == [one["predicted"] for one in shown]
    assert ready.job.data["metrics"]["accuracy"] > 0.8
    assert "tensorflow" not in sys.modules


def test_a_replay_is_bit_equal(ready: Ready) -> None:
    again = ready.job.replay()
    again.wait(100)
    assert not [event for event in again.events() if "message" in event.data and event.kind == "environment"]
    files = ready.job.diff(again)["files"]
    assert {"model.keras", "weights.safetensors"} <= {one["path"] for one in files}
    assert all(one["equal"] for one in files), files


def test_two_ranks_learn_what_one_learns(ready: Ready) -> None:
    hyper = {"epochs": 15, "hidden": [32]}
    alone = ready.run(name="alone", dataset="digits", hyperparameters=hyper | {"batch_size": 64})
    both = ready.run(
        name="both", dataset="digits", hyperparameters=hyper | {"batch_size": 32}, resources={"workers": 2}
    )
    for name in ("log_loss", "accuracy"):
        assert both.data["metrics"][name] == pytest.approx(alone.data["metrics"][name], rel=0.01)
    pictures = {"epochs": 4, "widths": [8, 16], "learning_rate": 0.01, "batch_size": 32}
    cnn = ready.run(
        name="cnn",
        dataset="digits",
        algorithm="keras_cnn",
        hyperparameters=pictures,
        resources={"workers": 2},
    )
    assert cnn.data["metrics"]["accuracy"] > 0.9


def test_own_code_fits_with_the_callback(ready: Ready) -> None:
    spec = yaml.safe_load((EXAMPLE / "job.yaml").read_text())
    # The same lines name the same environment: it is not built once more.
    spec |= {"code": str(EXAMPLE), "requirements": list(TENSORFLOW), "hyperparameters": {"epochs": 3}}
    job = ready.platform.client.submit(spec)
    job.wait(100)
    assert [event.data["step"] for event in job.events() if event.kind == "checkpoint"][-1] == 3
    assert job.data["metrics"]["val_accuracy"] > 0.6
    assert ready.folder.exists(), "there is one environment only"


def test_the_cases_that_need_tensorflow_hold(ready: Ready, tmp_path: Path) -> None:
    options = ["--noconftest", "-p", "no:cacheprovider", "-o", "filterwarnings=ignore", "--basetemp"]
    command = [
        str(ready.folder / "bin/python"),
        "-m",
        "pytest",
        "-q",
        *options,
        str(tmp_path / "cases"),
        str(CASES),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=380, check=False)
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
