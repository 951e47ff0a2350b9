"""The tracking writer with the real MLflow on real stores."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from sqlalchemy import text

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.mlflow_store import check_writable, mlflow_url, opening_mlflow, prepare_store
from tensorfleet.adapters.mlflow_tracking import MlflowTracking
from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.errors import Internal, InvalidInput, Unavailable
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.monitor.drain import CURSOR, Drain
from tensorfleet.monitor.mlflow_server import mlflow_server_command
from tensorfleet.monitor.wake import wake_monitor
from tensorfleet.registry.model import Candidate
from tensorfleet.registry.service import RegistryService
from tensorfleet.registry.store import SqlRegistryStore
from tensorfleet.settings import Settings
from tensorfleet.testing.cable import cable
from tensorfleet.testing.servers import create_database, free_ports, postgres
from tensorfleet.testing.tracking import (
    START,
    append_event,
    complete_job,
    events_of,
    insert_job,
    job_row,
    metrics_event,
    model_result,
    new_database,
    update_job,
)


@dataclass
class Place:
    """A home with an empty MLflow store in it."""

    settings: Settings
    database: Database

    @property
    def log(self) -> SqlEventLog:
        return SqlEventLog(self.database)

    @property
    def store(self) -> SqlRegistryStore:
        return SqlRegistryStore(self.database)

    @property
    def mlflow_file(self) -> Path:
        return self.settings.home / "mlflow.db"

    def backend(self) -> MlflowTracking:
        return MlflowTracking(self.settings.mlflow, f"{self.settings.objects}/mlflow")

    def drain(self) -> Drain:
        """A new writer, as after a restart: it knows only what is stored."""
        return Drain(self.log, self.store, self.backend, self.settings.objects)

    def client(self) -> Any:
        """What any user of MLflow would open."""
        with opening_mlflow(self.settings.mlflow):
            from mlflow import MlflowClient

            return MlflowClient(self.settings.mlflow)

    def service(self) -> RegistryService:
        objects = open_object_store(self.settings.objects)
        return RegistryService(self.store, objects, self.settings.objects, lambda: None)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: MLflow's migrations take seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    prepare_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def place(tmp_path: Path, empty_store: Path) -> Iterator[Place]:
    shutil.copy2(empty_store, tmp_path / "mlflow.db")
    settings = Settings(home=tmp_path)
    database = new_database(settings.database)
    yield Place(settings, database)
    database.close()


def run_job(place: Place, job_id: str = "j-1", steps: int = 20) -> None:
    """A whole job, as the orchestrator would leave it in the log."""
    append_event(place.database, job_id, "job.submitted", {"name": "wine forest"})
    append_event(place.database, job_id, "job.started", {"attempt": 1, "workers": 2}, 1)
    append_event(place.database, job_id, "task.started", {"rank": 0}, 1)
    append_event(
        place.database, job_id, "metrics", metrics_event(0, steps // 2, ("loss", "accuracy top 1%")), 2
    )
    append_event(place.database, job_id, "log", {"text": "epoch\n"}, 3)
    append_event(place.database, job_id, "metrics", metrics_event(steps // 2, steps - steps // 2), 4)
    append_event(place.database, job_id, "metrics", metrics_event(0, 3, ("samples",), rank=1), 5)
    complete_job(place.database, job_id, 30)


def only_run(client: Any, experiment: str = "default") -> Any:
    found = client.get_experiment_by_name(experiment)
    (run,) = client.search_runs([found.experiment_id])
    return client.get_run(run.info.run_id)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def test_a_job_becomes_a_run_with_a_model_version(place: Place) -> None:
    insert_job(place.database, "j-1")
    run_job(place)
    assert place.drain().once() == 5
    client = place.client()
    run = only_run(client)
    assert (run.info.run_name, run.info.status) == ("wine forest", "FINISHED")
    assert run.info.start_time == round(START.timestamp() * 1000)
    assert run.info.end_time - run.info.start_time == 30_000
    assert run.data.params == {
        "algorithm": "random_forest",
        "dataset": "wine@2",
        "seed": "7",
        "workers": "2",
        "trees": "50",
        "split.criterion": "gini",
        "hidden": "[64, 32]",
    }
    assert run.data.tags["tensorfleet.job_id"] == "j-1"
    assert run.data.tags["label.team"] == "cellar"
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(n, 1 / (n + 1)) for n in range(20)]
    assert [point.timestamp for point in history[:2]] == [
        round((START.timestamp() + n) * 1000) for n in (0, 1)
    ]
    assert set(run.data.metrics) == {"loss", "accuracy top 1_", "rank1/samples", "accuracy"}
    assert run.data.metrics["accuracy"] == 0.97
    (dataset,) = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("wine@2", ("ab" * 32)[:36])
    assert "ab" * 32 in dataset.dataset.source
    (version,) = client.search_model_versions("name = 'wine'")
    assert (int(version.version), version.run_id) == (1, run.info.run_id)
    assert version.source == f"file://{place.settings.home}/objects/models/j-1/1"
    assert version.tags["tensorfleet.job_id"] == "j-1"


def test_what_was_written_is_told_back(place: Place) -> None:
    insert_job(place.database, "j-1")
    run_job(place)
    place.drain().once()
    run = only_run(place.client())
    row = job_row(place.database, "j-1")
    assert (row.mlflow_run_id, row.model_version) == (run.info.run_id, 1)
    (event,) = events_of(place.database, "job.registered")
    assert (event.job_id, event.data) == ("j-1", {"name": "wine", "version": 1})
    version = place.service().version("wine", "latest")
    assert (version.model_id, version.run_id, version.metrics) == (
        "wine/1",
        run.info.run_id,
        {"accuracy": 0.97},
    )
    assert version.files[0].path == "MLmodel"
    assert version.tags["tensorfleet.prefix"] == "models/j-1/1"
    assert place.log.cursor(CURSOR) > 0


def test_a_step_repeated_after_a_crash_writes_nothing_twice(place: Place) -> None:
    insert_job(place.database, "j-1")
    run_job(place)
    place.drain().once()
    before = table_sizes(place.mlflow_file)
    place.log.save_cursor(CURSOR, 0)
    assert place.drain().once() == 5
    # And once more as if the job's row had not been reached: the run is found by its tag, the version by its.
    update_job(place.database, "j-1", mlflow_run_id=None, model_version=None)
    place.log.save_cursor(CURSOR, 0)
    place.drain().once()
    assert table_sizes(place.mlflow_file) == before
    assert only_run(place.client()).info.status == "FINISHED"
    row = job_row(place.database, "j-1")
    assert (row.mlflow_run_id, row.model_version) == (only_run(place.client()).info.run_id, 1)


def table_sizes(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


def test_a_retried_job_goes_on_in_its_run(place: Place) -> None:
    insert_job(place.database, "j-1")
    append_event(place.database, "j-1", "job.started", {"attempt": 1, "workers": 2}, 1)
    append_event(place.database, "j-1", "metrics", metrics_event(0, 4), 2)
    append_event(place.database, "j-1", "job.requeued", {"reason": "the worker was lost"}, 3)
    place.drain().once()
    assert only_run(place.client()).info.status == "SCHEDULED"
    append_event(place.database, "j-1", "job.started", {"attempt": 2, "workers": 2}, 4)
    place.drain().once()
    assert only_run(place.client()).info.status == "RUNNING"
    append_event(place.database, "j-1", "metrics", metrics_event(4, 4), 5)
    append_event(place.database, "j-1", "job.failed", {"reason": "out of memory"}, 6)
    place.drain().once()
    run = only_run(place.client())
    assert (run.info.status, run.data.tags["tensorfleet.reason"]) == ("FAILED", "out of memory")
    assert len(place.client().get_metric_history(run.info.run_id, "loss")) == 8


def test_a_job_cancelled_in_the_queue_is_a_killed_run(place: Place) -> None:
    insert_job(place.database, "j-1", started_at=None, workspace="lab / one")
    append_event(place.database, "j-1", "job.cancelled", {"reason": "cancelled by ada"}, 9)
    place.drain().once()
    run = only_run(place.client(), "lab / one")
    assert (run.info.status, run.info.end_time - run.info.start_time) == ("KILLED", 0)


def test_values_beyond_mlflows_limits_are_cut_not_refused(place: Place) -> None:
    insert_job(place.database, "j-1", name="n" * 200)
    spec = dict(job_row(place.database, "j-1").spec)
    spec["hyperparameters"] = {"k" * 400: "v" * 9000, "a/../b": 1, **{f"p{n}": n for n in range(250)}}
    update_job(place.database, "j-1", spec=spec)
    append_event(place.database, "j-1", "job.started", {"attempt": 1, "workers": 2}, 1)
    values = {"nan": None, "x" * 300: 1.0, "../../etc": 2.0, "": 3.0}
    point = {"step": 0, "at": START.timestamp(), "values": values}
    append_event(place.database, "j-1", "metrics", {"attempt": 1, "rank": 0, "points": [point]}, 2)
    place.drain().once()
    run = only_run(place.client())
    assert len(run.data.params["k" * 250]) == 6000
    assert run.data.params["a/b"] == "1"
    assert len(run.data.params) == 256
    assert run.data.metrics["etc"] == 2.0
    assert run.data.metrics["nan"] != run.data.metrics["nan"]
    assert events_of(place.database, "tracking.skipped") == []


def test_a_locked_store_delays_everything_and_loses_nothing(place: Place) -> None:
    insert_job(place.database, "j-1")
    run_job(place)
    drain = place.drain()
    with closing(sqlite3.connect(place.mlflow_file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match="locked"):
            drain.once()
        insert_job(place.database, "j-2")
        run_job(place, "j-2")
    assert drain.once() == 10
    assert [job_row(place.database, job_id).model_version for job_id in ("j-1", "j-2")] == [1, 2]


def test_a_store_that_goes_away_comes_back(place: Place) -> None:
    insert_job(place.database, "j-1")
    append_event(place.database, "j-1", "job.started", {"attempt": 1, "workers": 2}, 1)
    folder = place.settings.home / "away"
    folder.mkdir()
    shutil.copy2(place.mlflow_file, folder / "mlflow.db")
    settings = Settings(home=place.settings.home, mlflow_url=f"sqlite:///{folder}/mlflow.db")
    away = Place(settings, place.database)
    drain = away.drain()
    drain.once()
    folder.rename(place.settings.home / "unmounted")
    complete_job(place.database, "j-1")
    for _ in range(2):
        with pytest.raises(Unavailable, match="cannot be opened"):
            drain.once()
    (place.settings.home / "unmounted").rename(folder)
    drain.once()
    assert only_run(away.client()).info.status == "FINISHED"


def test_a_store_begun_anew_gets_the_jobs_that_still_run(place: Place) -> None:
    insert_job(place.database, "j-1")
    append_event(place.database, "j-1", "job.started", {"attempt": 1, "workers": 2}, 1)
    drain = place.drain()
    drain.once()
    lost = job_row(place.database, "j-1").mlflow_run_id
    for path in place.settings.home.glob("mlflow.db*"):
        path.unlink()
    append_event(place.database, "j-1", "job.started", {"attempt": 2, "workers": 2}, 5)
    complete_job(place.database, "j-1")
    drain.once()
    run = only_run(place.client())
    assert (run.info.status, run.info.run_id == lost) == ("FINISHED", False)
    assert job_row(place.database, "j-1").mlflow_run_id == run.info.run_id


def test_a_file_that_is_no_database_is_waited_for(place: Place) -> None:
    whole = place.mlflow_file.read_bytes()
    place.mlflow_file.write_bytes(b"not a database" * 1000)
    insert_job(place.database, "j-1")
    run_job(place)
    drain = place.drain()
    with pytest.raises(Unavailable, match="not a database"):
        drain.once()
    place.mlflow_file.write_bytes(whole)
    drain.once()
    assert job_row(place.database, "j-1").model_version == 1


def test_poison_is_recorded_and_passed_over(place: Place) -> None:
    insert_job(place.database, "j-1")
    insert_job(place.database, "j-2", result={"model": {"prefix": "models/../../etc"}}, metrics={})
    poison = [
        append_event(place.database, "j-1", "metrics", {"rank": 0, "points": "none"}),
        append_event(
            place.database, "j-1", "metrics", {"points": [{"step": 0, "at": 1.0, "values": {"a": "x"}}]}
        ),
        append_event(place.database, "j-2", "job.completed", {}),
        append_event(place.database, None, "job.failed", {}),
        append_event(place.database, "j-gone", "job.failed", {}),
    ]
    run_job(place)
    place.drain().once()
    skipped = events_of(place.database, "tracking.skipped")
    assert [event.data["event_id"] for event in skipped] == poison[:3]
    assert "is not a model folder" in skipped[2].data["problem"]
    assert job_row(place.database, "j-1").model_version == 1
    assert job_row(place.database, "j-2").model_version is None


def test_a_run_deleted_in_mlflow_blocks_no_other(place: Place) -> None:
    for job_id in ("j-1", "j-2"):
        insert_job(place.database, job_id)
        append_event(place.database, job_id, "job.started", {"attempt": 1, "workers": 2})
    drain = place.drain()
    drain.once()
    place.client().delete_run(job_row(place.database, "j-1").mlflow_run_id)
    for job_id in ("j-1", "j-2"):
        append_event(place.database, job_id, "metrics", metrics_event(0, 3))
        complete_job(place.database, job_id)
    drain.once()
    assert {event.job_id for event in events_of(place.database, "tracking.skipped")} == {"j-1"}
    assert job_row(place.database, "j-2").model_version == 1


def test_a_failure_inside_mlflow_is_tried_again_then_passed_over(place: Place) -> None:
    class Failing(MlflowTracking):
        def log_points(self, run_id: str, points: Any) -> None:
            raise Internal("MLflow failed: no reason")

    insert_job(place.database, "j-1")
    run_job(place)
    drain = Drain(
        place.log,
        place.store,
        lambda: Failing(place.settings.mlflow, f"{place.settings.objects}/mlflow"),
        place.settings.objects,
    )
    for _ in range(4):
        with pytest.raises(Internal):
            drain.once()
    drain.once()
    assert job_row(place.database, "j-1").model_version == 1
    assert [event.data["kind"] for event in events_of(place.database, "tracking.skipped")] == ["metrics"]


def test_mlflow_going_away_in_the_middle_of_a_batch_costs_nothing(place: Place) -> None:
    class Leaving(MlflowTracking):
        here = True

        def register(self, candidate: Candidate) -> Any:
            if not self.here:
                raise Unavailable("MLflow does not answer")
            return super().register(candidate)

    backend = Leaving(place.settings.mlflow, f"{place.settings.objects}/mlflow")
    drain = Drain(place.log, place.store, lambda: backend, place.settings.objects)
    insert_job(place.database, "j-1")
    run_job(place)
    place.service().request_job_model("copy", "j-1")
    backend.here = False
    for _ in range(7):
        with pytest.raises(Unavailable):
            drain.once()
    assert place.log.cursor(CURSOR) == 0
    backend.here = True
    drain.once()
    assert job_row(place.database, "j-1").model_version == 1
    assert place.service().model("copy").latest_version == 1
    assert events_of(place.database, "tracking.skipped") == []
    assert len(place.client().get_metric_history(job_row(place.database, "j-1").mlflow_run_id, "loss")) == 20


def test_aliases_reach_mlflow_and_its_own_come_back(place: Place) -> None:
    for job_id in ("j-1", "j-2"):
        insert_job(place.database, job_id)
        run_job(place, job_id)
    drain = place.drain()
    drain.once()
    service = place.service()
    service.set_alias("wine", "production", 1)
    service.set_alias("wine", "production", 2)
    service.set_alias("wine", "candidate", 1)
    service.delete_alias("wine", "candidate")
    assert service.model("wine").aliases == {"production": 2}
    assert drain.once() == 4
    client = place.client()
    assert client.get_registered_model("wine").aliases == {"production": 2}
    client.set_registered_model_alias("wine", "theirs", "1")
    service.set_alias("wine", "mine", 2)
    place.drain().once()
    assert service.model("wine").aliases == {"production": 2, "theirs": 1, "mine": 2}


def test_a_folder_and_a_jobs_model_are_registered_on_request(place: Place) -> None:
    insert_job(
        place.database, "j-1", spec={"name": "no name"}, result=model_result("j-1"), status="completed"
    )
    folder = place.settings.home / "objects" / "models" / "given" / "1"
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text('signature:\n  inputs: \'[{"type": "double"}]\'\n')
    service = place.service()
    first, _ = service.request_folder("given", "models/given/1")
    second, _ = service.request_job_model("chosen", "j-1")
    third, _ = service.request_job_model("chosen", "j-1")
    drain = place.drain()
    drain.once()
    assert [service.registration(intent).version for intent in (first, second, third)] == [1, 1, 1]
    given = service.version("given", "1")
    assert given.signature == {"inputs": [{"type": "double"}]}
    assert [file.path for file in given.files] == ["MLmodel"]
    assert service.version("chosen", "1").job_id == "j-1"
    assert int(place.client().get_model_version("given", "1").version) == 1
    with pytest.raises(InvalidInput, match="holds no MLmodel"):
        service.request_folder("given", "models/nothing/1")
    with pytest.raises(InvalidInput, match="is not a model folder"):
        service.request_folder("given", "models/../../1")


def test_the_first_start_makes_a_private_store(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    prepare_store(f"sqlite:///{path}")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["mlflow.db"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_folder_that_is_missing_is_unavailable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none/mlflow.db"
    with pytest.raises(Unavailable):
        prepare_store(url)
    with pytest.raises(Unavailable):
        check_writable(url)


def test_addresses_are_put_into_mlflows_form() -> None:
    assert mlflow_url("https://mlflow.example/") == "https://mlflow.example"
    shared = mlflow_url("postgresql://u:p%40ss@db/fleet?sslmode=require")
    assert shared == "postgresql+psycopg://u:p%40ss@db/fleet?options=-csearch_path%3Dmlflow&sslmode=require"
    assert mlflow_url(shared) == shared
    with pytest.raises(InvalidInput, match="mlflow_url"):
        mlflow_url("mongodb://u:secret@db/fleet")


def test_postgresql_is_shared_with_the_metadata_store(tmp_path: Path) -> None:
    with postgres() as server:
        url = create_database(server)
        settings = Settings(home=tmp_path, database_url=url, mlflow_url=url)
        shared = Place(settings, new_database(url))
        try:
            insert_job(shared.database, "j-1")
            run_job(shared)
            shared.drain().once()
            backend = shared.backend()
            assert [(v.name, v.version, v.job_id) for v in backend.versions()] == [("wine", 1, "j-1")]
            with shared.database.read() as connection:
                query = text("SELECT table_schema FROM information_schema.tables WHERE table_name = :name")
                schemas = {
                    name: connection.execute(query, {"name": name}).scalar() for name in ("runs", "jobs")
                }
            assert schemas == {"runs": "mlflow", "jobs": "public"}
        finally:
            shared.database.close()


WRITER = """
import sys
from tensorfleet.monitor.writer import main
from tensorfleet.settings import load_settings
code = main(load_settings(), exit_when_idle_s=float(sys.argv[1]) if len(sys.argv) > 1 else None)
print("mlflow" in sys.modules)
sys.exit(code)
"""


def start_writer(place: Place, *arguments: str) -> subprocess.Popen[str]:
    env = {**os.environ, "TENSORFLEET_HOME": str(place.settings.home)}
    command = [sys.executable, "-c", WRITER, *arguments]
    return subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place.settings.home
    )


def test_the_process_ends_when_idle_without_having_loaded_mlflow(place: Place) -> None:
    append_event(place.database, "j-1", "log", {"text": "nothing to track"})
    process = start_writer(place, "0.2")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output.strip(), errors) == (0, "False", "")


def test_the_process_writes_when_nudged_and_ends_on_sigterm(place: Place) -> None:
    process = start_writer(place)
    try:
        run_dir = place.settings.run_dir
        wait_until(lambda: (run_dir / "monitor.sock").exists(), "the writer's socket")
        assert (run_dir / "monitor.sock").stat().st_mode & 0o777 == 0o600
        insert_job(place.database, "j-1")
        run_job(place)
        wake_monitor(run_dir)
        wait_until(lambda: job_row(place.database, "j-1").model_version == 1, "the model version")
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, output.strip(), errors) == (0, "True", "")
    assert not (place.settings.home / "run" / "monitor.sock").exists()
    assert not (place.settings.home / "mlruns").exists()
    assert place.mlflow_file.stat().st_mode & 0o777 == 0o600


def test_a_nudge_to_nobody_is_no_error(tmp_path: Path) -> None:
    wake_monitor(tmp_path / "nowhere")


@pytest.fixture
def tracking_server(place: Place) -> Iterator[str]:
    (port,) = free_ports(1)
    command, env = mlflow_server_command(place.settings, port)
    assert str(place.mlflow_file) not in " ".join(command)
    process = subprocess.Popen(
        command,
        env=env,
        cwd=place.settings.home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health"), "MLflow's server", 100)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.mark.timeout(180)
def test_mlflows_own_server_shows_the_store_and_can_be_the_store(place: Place, tracking_server: str) -> None:
    insert_job(place.database, "j-1")
    run_job(place)
    place.drain().once()
    through_server = MlflowTracking(tracking_server, "unused")
    (version,) = through_server.versions()
    assert (version.name, version.version) == ("wine", 1)
    key = {"tensorfleet.job_id": "j-2", "tensorfleet.attempt": "1"}
    remote = Candidate("far", "default", "s3://bucket/models/j-2/1", key)
    assert through_server.register(remote) == through_server.register(remote)
    with pytest.raises(InvalidInput, match="MLflow refused it"):
        through_server.register(Candidate("near", "default", "file:///objects/models/j-2/1", key))
    with pytest.raises(InvalidInput, match="runs already"):
        mlflow_server_command(Settings(home=place.settings.home, mlflow_url=tracking_server), 1)
    _hang_in_the_middle(place, tracking_server)


def _hang_in_the_middle(place: Place, tracking_server: str) -> None:
    """The server takes connections and says nothing: the writer gives up in time, and writes everything once later."""
    with cable(int(tracking_server.rpartition(":")[2])) as line:
        hanging = Place(
            Settings(home=place.settings.home, mlflow_url=f"http://127.0.0.1:{line.port}"), place.database
        )
        drain = hanging.drain()
        drain.once()
        insert_job(place.database, "j-3", spec={"name": "far", "algorithm": "svm"}, result=None)
        append_event(place.database, "j-3", "job.started", {"attempt": 1, "workers": 1}, 1)
        drain.once()
        append_event(place.database, "j-3", "metrics", metrics_event(0, 10), 2)
        append_event(place.database, "j-3", "job.failed", {"reason": "enough"}, 3)
        line.hold()
        with pytest.raises(Unavailable):
            drain.once()
        line.mend()
        drain.once()
    run = place.client().get_run(job_row(place.database, "j-3").mlflow_run_id)
    history = place.client().get_metric_history(run.info.run_id, "loss")
    assert (run.info.status, [point.step for point in history]) == ("FAILED", list(range(10)))


def test_a_server_that_is_not_there_is_unavailable() -> None:
    (port,) = free_ports(1)
    backend = MlflowTracking(f"http://127.0.0.1:{port}", "unused")
    with pytest.raises(Unavailable):
        backend.ping()
    with pytest.raises(Unavailable):
        backend.set_alias("wine", "production", 1)


def test_nothing_listens_on_the_network(place: Place) -> None:
    process = start_writer(place)
    try:
        wait_until(lambda: (place.settings.run_dir / "monitor.sock").exists(), "the writer's socket")
        import psutil

        connections = psutil.Process(process.pid).net_connections(kind="inet")
        assert [c for c in connections if c.family in (socket.AF_INET, socket.AF_INET6)] == []
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
