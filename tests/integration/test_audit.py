"""The audit log of a running platform: what was done is in it, whatever is killed, and what is done to it is found."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

import tensorfleet
from tensorfleet.errors import NotAuthenticated, TensorFleetError
from tests.integration.platform import Platform, wait_until

JOB = {"name": "audited", "algorithm": "decision_tree", "dataset": "iris", "resources": {"workers": 1}}
PLANTED = "planted-f3a9c1d7"


def entries(platform: Platform, **wanted: Any) -> list[dict[str, Any]]:
    return list(platform.client.audit.list(**wanted, limit=None))


def test_what_was_done_is_in_the_log(own_platform: Platform, tmp_path: Path) -> None:
    """On a platform of its own: a refusal is only counted if there was one of its kind a moment ago."""
    client = own_platform.client
    job = client.submit(JOB).wait(60)
    with suppress(TensorFleetError):
        job.cancel()
    list(job.logs())
    client.datasets.download("iris", to=tmp_path / "iris.csv")
    found = entries(own_platform, target=job.id)
    assert [(entry["action"], entry["outcome"]) for entry in found] == [
        ("jobs.read_log", 200), ("jobs.cancel", 409), ("jobs.submit", 201)
    ]  # fmt: skip
    submitted = found[-1]
    assert (submitted["actor_id"], submitted["via"], submitted["source"]) == ("root", "token", "127.0.0.1")
    assert (submitted["workspace"], submitted["after"]["name"]) == ("default", "audited")
    assert [entry["target"] for entry in entries(own_platform, action="datasets.download")][:1] == ["iris@1"]
    assert client.audit.verify()["ok"]


def test_before_and_after_are_told(platform: Platform) -> None:
    client = platform.client
    job = client.submit({**JOB, "name": "tells", "resources": {"workers": 1}}).wait(60)
    client.transport.call("DELETE", f"/jobs/{job.id}")
    deleted, submitted = entries(platform, target=job.id)
    assert (deleted["action"], deleted["before"]["status"], deleted["after"]) == (
        "jobs.delete",
        "completed",
        None,
    )
    assert (submitted["before"], deleted["workspace"]) == (None, "default")


def test_wrong_tokens_are_told_and_not_kept(platform: Platform) -> None:
    stranger = tensorfleet.Client(url=platform.client.url, token=PLANTED)
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            stranger.transport.call(
                "POST", "/jobs", json={"name": PLANTED, "code": PLANTED}, params={"key": PLANTED}
            )
    stranger.close()
    refused = [entry for entry in entries(platform, action="jobs.submit") if entry["outcome"] == 401]
    assert [(entry["actor_id"], entry["count"]) for entry in refused] == [(None, 1)]
    with suppress(TensorFleetError):
        platform.client.transport.call("POST", "/jobs", json={**JOB, "environment": {"KEY": PLANTED}})
    exported = json.dumps(list(platform.client.audit.export()))
    assert PLANTED not in exported
    assert Path(platform.home / "token").read_text() not in exported
    for path in (platform.home / "audit").iterdir():
        assert PLANTED.encode() not in path.read_bytes()


def test_what_was_answered_or_done_is_in_the_log_though_the_gateway_was_killed(
    own_platform: Platform,
) -> None:
    """Killed in the middle of calls: a job that was queued has an entry, even if nobody ever heard of it."""
    answered = _killed_while_submitting(own_platform)
    client = own_platform.client
    wait_until(lambda: _answers(client), "the gateway answers")
    found = entries(own_platform, action="jobs.submit")
    told = [entry["target"] for entry in found if entry["outcome"] is not None]
    assert len(set(told)) == len(told)
    assert set(answered) <= set(told)
    queued = {job.id for job in client.jobs.list(name="cut-off", limit=None)}
    assert len(queued - set(told)) <= sum(entry["outcome"] is None for entry in found)
    assert client.audit.verify()["ok"]
    _what_is_done_to_the_database_is_found(own_platform)


def _killed_while_submitting(platform: Platform) -> list[str]:
    """The jobs of which somebody was told that they are queued."""
    answered: list[str] = []
    killed = threading.Event()

    def submit() -> None:
        client = tensorfleet.Client(home=platform.home)
        while not killed.is_set():
            with suppress(TensorFleetError):
                job = client.transport.call("POST", "/jobs", json={**JOB, "name": "cut-off"}, retry=False)
                answered.append(job["job_id"])
        client.close()

    threads = [threading.Thread(target=submit) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answered) > 20, "some jobs")
    platform.process("gateway").kill()
    killed.set()
    for thread in threads:
        thread.join()
    return answered


def _answers(client: tensorfleet.Client) -> bool:
    try:
        return client.health()["status"] == "ok"
    except TensorFleetError:
        return False


def _what_is_done_to_the_database_is_found(platform: Platform) -> None:
    verify = platform.cli("audit", "verify", "--home", str(platform.home))
    assert "is whole" in verify.stdout
    with closing(sqlite3.connect(platform.home / "tensorfleet.db", timeout=20)) as database, database:
        database.execute("UPDATE audit SET actor_name = 'eve' WHERE seq = 4")
    for arguments in ((), ("--home", str(platform.home))):
        found = platform.cli("audit", "verify", *arguments, check=False)
        assert found.returncode == 1
        assert "Error: entry 4 (a-" in found.stderr
    shown = platform.cli("audit", "verify", "--json", check=False)
    assert (shown.returncode, json.loads(shown.stdout)["problem"]["seq"]) == (1, 4)
