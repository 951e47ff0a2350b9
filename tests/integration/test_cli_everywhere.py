"""The same commands over a socket and against the application in this process, live streams and uploads included."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import tensorfleet
from tensorfleet.cli import session
from tensorfleet.cli.main import app
from tensorfleet.gateway.app import build_app
from tensorfleet.settings import load_settings
from tensorfleet.testing.examples import FILES
from tensorfleet.testing.in_process import in_a_thread
from tests.integration.platform import Platform

Run = Callable[..., Result]


@pytest.fixture(params=["socket", "in-process"])
def run(
    request: pytest.FixtureRequest, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    monkeypatch.setenv("TENSORFLEET_HOME", str(platform.home))
    monkeypatch.chdir(FILES)

    def typed(*words: object) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words])

    if request.param == "socket":
        yield typed
        return
    token = (platform.home / "token").read_text().strip()
    with in_a_thread(build_app(load_settings(home=platform.home), token)) as transport:
        place = ("http://in.process", token, tmp_path)
        monkeypatch.setattr(session, "connect", lambda: tensorfleet.Client(*place, http=transport))
        yield typed


def test_a_job_from_its_file_to_its_model(run: Run, tmp_path: Path) -> None:
    followed = run("submit", "wine.yaml", "--follow")
    assert followed.exit_code == 0, followed.output
    job_id = followed.stdout.split()[0]
    assert "completed" in followed.stdout.splitlines()[-1]
    assert json.loads(run("jobs", "show", job_id, "--json").stdout)["status"] == "completed"
    assert "job.completed" in run("jobs", "events", job_id, "--follow").stdout
    assert run("jobs", "logs", job_id, "--follow").exit_code == 0
    assert "wine" in run("jobs", "list").stdout
    assert run("jobs", "show", "j-nothing").exit_code == 1


def test_own_code_goes_up_and_its_files_come_down(run: Run, tmp_path: Path) -> None:
    followed = run("submit", "own.yaml", "--follow")
    assert followed.exit_code == 0, followed.output
    saved = run("jobs", "files", followed.stdout.split()[0], "--save", tmp_path / "kept")
    assert saved.exit_code == 0, saved.output
    assert (tmp_path / "kept" / "report.txt").read_text() == "all is well\n"


def test_a_dataset_goes_up_and_comes_down(run: Run, tmp_path: Path) -> None:
    assert run("datasets", "add", "homes.csv", "--target", "price").stdout.startswith("homes@")
    assert run("datasets", "download", "homes", "--to", tmp_path / "copy.csv").exit_code == 0
    assert (tmp_path / "copy.csv").read_bytes() == (FILES / "homes.csv").read_bytes()
    refused = run("datasets", "show", "houses")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
