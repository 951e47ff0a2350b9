"""A platform that is backed up while it works, and goes on elsewhere: its jobs, its models, and machines that had joined it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.migrate import ensure_schema
from tensorfleet.errors import Conflict, Unavailable
from tensorfleet.kit.clock import utc_now
from tensorfleet.settings import load_settings
from tensorfleet.supervisor.backup import DATABASE, back_up, restore
from tensorfleet.testing.servers import create_database, free_ports, postgres_server
from tensorfleet.trust.authority import Authority
from tensorfleet.trust.identity import Identity
from tensorfleet.trust.places import InDatabase
from tests.integration.platform import CLI, Platform, running_platform, wait_until

JOB = {
    "name": "kept", "algorithm": "naive_bayes", "dataset": "iris", "model_name": "kept", "resources": {"workers": 1},
}  # fmt: skip


FLOWER = {"sepal_length_cm": 5.1, "sepal_width_cm": 3.5, "petal_length_cm": 1.4, "petal_width_cm": 0.2}


@contextmanager
def far_agent(home: Path, words: list[str]) -> Iterator[None]:
    env = {**os.environ, "TENSORFLEET_HOME": str(home)}
    with home.with_suffix(".log").open("ab") as log:
        agent = subprocess.Popen([CLI, *words], env=env, stdout=log, stderr=log)
        try:
            yield
        finally:
            agent.terminate()
            agent.wait(30)


def online(platform: Platform) -> set[str]:
    return {one["worker_id"] for one in platform.client.workers.list() if one["state"] == "online"}


def test_a_platform_goes_on_from_its_backup(tmp_path: Path) -> None:
    first, second, target = tmp_path / "first", tmp_path / "second", tmp_path / "copy.tar.zst"
    first.mkdir()
    orchestrator, authority = free_ports(2)
    (first / "tensorfleet.yaml").write_text(
        f"orchestrator_address: 127.0.0.1:{orchestrator}\nauthority_address: 127.0.0.1:{authority}\nmutual_tls: always\n"
    )
    with running_platform(first, workers=1) as platform:
        invited = json.loads(platform.cli("trust", "invite", "--json").stdout)
        with far_agent(tmp_path / "far", [*invited["command"].split()[1:], "--workers", "1"]):
            job = platform.client.submit(JOB)
            assert job.wait(60).model is not None
            metrics = job.refresh().data["metrics"]
            assert metrics
            far = wait_until(lambda: online(platform) - {own(first)}, "the far agent")
        done = platform.cli("backup", str(target), "--json")
        assert json.loads(done.stdout)["outside"] == {}
        assert platform.cli("restore", str(target), check=False).returncode == 1, "a platform runs there"

    env = {**os.environ, "TENSORFLEET_HOME": str(second)}
    subprocess.run([CLI, "restore", str(target)], env=env, check=True, timeout=60, capture_output=True)
    shutil.move(first, tmp_path / "gone")
    with running_platform(second, workers=1) as platform:
        kept = platform.client.jobs.get(job.id)
        assert (kept.status, kept.data["metrics"]) == ("completed", metrics)
        flower = pl.DataFrame({name: [value] for name, value in FLOWER.items()})
        assert kept.model.predict(flower)[0] in ("setosa", 0)
        with far_agent(tmp_path / "far", ["agent", "--workers", "1"]):
            wait_until(lambda: far <= online(platform), "the far agent, with the certificate that it had")  # type: ignore[operator]
            assert own(second) in online(platform)
            again = platform.client.submit(JOB | {"name": "again"})
            assert again.wait(60).status == "completed"


def own(home: Path) -> str:
    return Identity(home / "agent").current.name


def test_a_database_of_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres_server() as server:
        monkeypatch.setenv("PATH", f"{server.programs}:{os.environ['PATH']}")
        _there_and_back(tmp_path, create_database(server.url), create_database(server.url), monkeypatch)


def _there_and_back(tmp_path: Path, old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "objects").mkdir(parents=True)
    (home / "token").write_text("t")
    settings = load_settings(home=home, database_url=old)
    ensure(old)
    roots = _roots(old)
    made = back_up(settings, tmp_path / "copy")
    assert DATABASE in made.files
    monkeypatch.setenv("TENSORFLEET_DATABASE_URL", old)
    with pytest.raises(Conflict, match="tables"):
        restore(tmp_path / "copy", tmp_path / "new")
    monkeypatch.setenv(
        "TENSORFLEET_DATABASE_URL", new.replace("127.0.0.1", "127.0.0.2") + "?connect_timeout=2"
    )
    with pytest.raises(Unavailable):
        restore(tmp_path / "copy", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    monkeypatch.setenv("TENSORFLEET_DATABASE_URL", new)
    restore(tmp_path / "copy", tmp_path / "new")
    assert (tmp_path / "new/token").read_text() == "t"
    assert _roots(new) == roots, "every certificate that was given is still good"
    database = Database(new)
    try:
        with database.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM jobs")).scalar() == 0
    finally:
        database.close()


def ensure(url: str) -> None:
    database = Database(url)
    try:
        ensure_schema(database)
    finally:
        database.close()


def _roots(url: str) -> str:
    from datetime import timedelta

    return Authority(InDatabase(url, "s" * 40), "h:1", timedelta(hours=1), utc_now).roots()
