"""MLflow is dead or hangs while jobs run: they do not notice, `/health` tells, and all of it arrives later, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tensorfleet.adapters.mlflow_store import mlflow_url, opening_mlflow
from tensorfleet.testing.cable import Cable, cable
from tensorfleet.testing.servers import create_database, free_ports, postgres
from tests.integration.api import open_api
from tests.integration.platform import Platform, running_platform, wait_until

TALK = """
from tensorfleet import train

for step in range(20):
    train.report(step=step, loss=1.0 / (step + 1))
"""


@pytest.fixture
def line(store: str) -> Iterator[Cable]:
    """The cable to MLflow's database; cut."""
    with cable(int(store.rpartition("/")[0].rpartition(":")[2])) as found:
        found.cut()
        yield found


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with postgres() as url:
        yield create_database(url)


def start(home: Path, url: str) -> Any:
    home.mkdir(mode=0o700)
    (home / "tensorfleet.yaml").write_text(yaml.safe_dump({"mlflow_url": url}))
    return running_platform(home)


def tracking(api: httpx.Client) -> dict[str, Any]:
    answer = api.get("/health")
    assert answer.status_code == 200, "jobs can be accepted"
    part: dict[str, Any] = answer.json()["parts"]["tracking"]
    return part


def run_jobs(platform: Platform, code: Path, names: list[str]) -> None:
    """Each reports twenty points, and leaves a model version where MLflow is."""
    for name in names:
        platform.client.submit(name=name, entrypoint="talk.py", code=str(code)).wait(90)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "talk.py").write_text(TALK)
    return folder


@pytest.mark.timeout(240)
def test_a_dead_mlflow_costs_no_job_and_gets_everything_once(
    tmp_path: Path, store: str, line: Cable, code: Path
) -> None:
    through = f"postgresql://postgres@127.0.0.1:{line.port}/{store.rpartition('/')[2]}"
    with start(tmp_path / "home", through) as platform, open_api(platform) as api:
        run_jobs(platform, code, ["one", "two"])
        wait_until(lambda: tracking(api)["status"] == "away", "health to tell")
        told = tracking(api)
        assert told["behind"] > 0
        assert f"{told['behind']:,} log entries behind" in told["detail"]
        assert told["since"].endswith("Z")
        assert told["next_try_at"].endswith("Z")
        assert "nothing is lost" in told["meaning"]
        assert api.get("/health").json()["status"] == "degraded"
        shown = platform.cli("status").stdout
        assert "log entries behind" in shown
        assert "nothing is lost" in shown
        line.mend()
        wait_until(lambda: is_caught_up(api), "MLflow to get what it missed", 120)
        line.cut()
        run_jobs(platform, code, ["three"])
        line.mend()
        wait_until(lambda: is_caught_up(api), "MLflow to get the third", 120)
    assert histories(store) == {name: list(range(20)) for name in ("one", "two", "three")}


def is_caught_up(api: httpx.Client) -> bool:
    part = tracking(api)
    return bool(part["status"] == "ok" and part["behind"] == 0)


def histories(store: str) -> dict[str, list[int]]:
    """The steps of each run's `loss`, by the run's name."""
    with opening_mlflow(store):
        from mlflow import MlflowClient

        client = MlflowClient(mlflow_url(store))
    experiment = client.get_experiment_by_name("default")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert max(Counter(run.info.run_name for run in runs).values()) == 1, "one run for each job"
    assert {run.info.status for run in runs} == {"FINISHED"}
    return {
        run.info.run_name: [point.step for point in client.get_metric_history(run.info.run_id, "loss")]
        for run in runs
    }


@pytest.mark.timeout(240)
def test_an_mlflow_that_hangs_costs_no_job(tmp_path: Path, code: Path) -> None:
    with cable(free_ports(1)[0]) as line:
        line.hold()
        with (
            start(tmp_path / "home", f"http://127.0.0.1:{line.port}") as platform,
            open_api(platform) as api,
        ):
            run_jobs(platform, code, ["one", "two"])
            wait_until(lambda: tracking(api)["status"] == "away", "health to tell", 120)
            assert "does not answer" in tracking(api)["detail"]
