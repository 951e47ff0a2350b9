"""Retention and erasure on a running platform."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
import pytest

from tensorfleet.errors import NotFound, NotPermitted
from tensorfleet.sdk.client import Client
from tests.integration.api import open_api
from tests.integration.platform import Platform, running_platform, wait_until

JOB = {
    "algorithm": "mlp",
    "dataset": "iris",
    "hyperparameters": {"epochs": 2},
    "checkpoint": {"every_epochs": 1},
}
SETTINGS = (
    "retention: {jobs: 90d, checkpoints: 30d, logs: 30d, workspaces: {legal: {jobs: null, logs: null}}}\n"
)
DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("kept")
    (home / "tensorfleet.yaml").write_text(SETTINGS)
    with running_platform(home, workers=2) as found:
        yield found


def run_job(platform: Platform, name: str, **fields: Any) -> str:
    job = platform.client.submit(name=name, **{**JOB, **fields})
    job.wait(120)
    return str(job.id)


def grow_old(platform: Platform, job_id: str, days: int) -> None:
    with closing(sqlite3.connect(platform.home / "tensorfleet.db", timeout=20)) as database, database:
        database.execute(
            f"UPDATE jobs SET finished_at = finished_at - {days * DAY_US} WHERE id = ?", (job_id,)
        )


def objects_of(platform: Platform, job_id: str, folder: str) -> list[Path]:
    place = platform.home / "objects" / folder / job_id
    return [path for path in place.rglob("*") if path.is_file()] if place.exists() else []


def test_what_is_old_goes_and_what_is_needed_stays(kept: Platform) -> None:
    client = kept.client
    client.access.add_workspace("legal")
    old, middle = run_job(kept, "old"), run_job(kept, "middle")
    tree = {"algorithm": "decision_tree", "hyperparameters": {}, "checkpoint": {}}
    young = run_job(kept, "young", **tree)
    model = run_job(kept, "with-model", model_name="kept", **tree)
    pinned = run_job(kept, "pinned", labels={"retention": "keep"}, **tree)
    legal = client.submit(name="legal", workspace="legal", algorithm="decision_tree", dataset="iris")
    wait_until(lambda: client.models.list(), "the model to be registered")
    for job_id in (old, model, pinned):
        grow_old(kept, job_id, 91)
    grow_old(kept, middle, 31)
    assert objects_of(kept, old, "checkpoints")
    assert objects_of(kept, middle, "checkpoints")

    plan = client.retention.plan()
    going = {(one["kind"], one["job_id"]) for one in plan["remove"]}
    assert {("jobs", old), ("checkpoints", middle), ("logs", middle), ("logs", model)} <= going
    assert not {job_id for _, job_id in going} & {young, pinned, legal.id}
    assert ("jobs", model) not in going
    assert {(one["job_id"], one["kind"]) for one in plan["keep"]} >= {(model, "jobs"), (pinned, "jobs")}
    room = sum(path.stat().st_size for path in objects_of(kept, old, "checkpoints"))
    (whole,) = [one for one in plan["remove"] if one["job_id"] == old]
    assert whole["bytes"] > room > 0
    assert plan["bytes"] == sum(one["bytes"] for one in plan["remove"])
    shown = kept.cli("retention", "plan")
    assert old in shown.stdout
    assert "a registered model is made of it" in shown.stdout
    assert client.jobs.get(old).status == "completed", "a plan removes nothing"

    removed = json.loads(kept.cli("retention", "sweep", "--yes", "--json").stdout)
    assert {(one["kind"], one["job_id"]) for one in removed["remove"]} == going
    with pytest.raises(NotFound):
        client.jobs.get(old)
    assert not objects_of(kept, old, "checkpoints")
    assert not objects_of(kept, middle, "checkpoints")
    assert client.jobs.get(middle).status == "completed"
    assert not list(client.jobs.get(middle).logs())
    assert list(client.jobs.get(young).logs())
    assert client.models.get("kept", 1).download(kept.home / "copy")
    assert client.retention.plan()["remove"] == []

    told = list(client.audit.list(action="retention"))
    assert {(one["action"], one["target"]) for one in told} >= {("retention.remove_jobs", old)}
    assert client.audit.verify()["ok"]


def test_who_is_erased_is_in_no_file_any_more_and_the_log_verifies(kept: Platform) -> None:
    client = kept.client
    name = f"rumpelstilz-{token_hex(4)}"
    email = f"{name}@fairytale.example"
    client.access.add_user(name, "straw into gold 4711", role="user", email=email)
    with httpx.Client(base_url=client.url, trust_env=False) as web:
        body = {"username": name, "password": "straw into gold 4711"}
        program = {"User-Agent": "spinning-wheel/1.0"}
        token = web.post("/api/v1/auth/token", json=body, headers=program).json()["access_token"]
        web.post("/api/v1/auth/token", json={**body, "password": "wrong"})
    with Client(client.url, token) as theirs:
        job = theirs.submit(name="spun", algorithm="decision_tree", dataset="iris")
        job.wait(60)
        with pytest.raises(NotPermitted):
            theirs.access.erase_user(name)
    client.access.change_user(name, email=f"new-{email}")
    (mine, *_) = client.audit.list(actor=name, action="jobs.submit")
    assert (mine["actor_name"], mine["target"]) == (name, job.id)
    assert [one["action"] for one in client.audit.list(target=name)][:1] == ["users.change"]
    assert client.access.user(name)["email"] == f"new-{email}"
    for word in (email, "spinning-wheel"):
        wait_until(lambda word=word: not found_in(kept, word), f"{word} to be sealed", 10)

    erased = kept.cli("users", "erase", name, "--yes")
    person = erased.stdout.split()[1]
    assert person == mine["actor_id"]
    wait_until(lambda: not found_in(kept, name), "the name to be gone from the home", 10)
    with pytest.raises(NotFound):
        client.access.user(name)
    told = {one["action"]: one for one in client.audit.list(actor=person)}
    assert told["jobs.submit"]["actor_name"] is None
    assert told["jobs.submit"]["source"] is None
    assert told["jobs.submit"]["target"] == job.id
    assert client.jobs.get(job.id).status == "completed", "what was made stays"
    assert client.audit.verify()["ok"]
    assert "is whole" in kept.cli("audit", "verify", "--home", str(kept.home)).stdout
    again = kept.cli("users", "erase", name, "--yes", check=False)
    assert again.returncode == 1
    assert not found_in(kept, name)


def test_a_deleted_account_can_be_erased_by_its_name(kept: Platform) -> None:
    client = kept.client
    client.access.add_user("dwarf", "seven mountains 77", role="viewer")
    person = client.access.user("dwarf")["user_id"]
    client.access.delete_user("dwarf")
    (deleted, *_) = client.audit.list(target="dwarf", action="users.delete")
    assert deleted["target"] == "dwarf"
    assert client.access.erase_user("dwarf") == person
    entries = [one for one in client.audit.list(action="users", limit=None) if one["subject"] == person]
    assert {one["target"] for one in entries} == {None}
    assert not list(client.audit.list(target="dwarf"))
    with open_api(kept) as api:
        assert api.post("/api/v1/users/nobody/erase").status_code == 404


def found_in(platform: Platform, word: str) -> list[str]:
    """The files of the home that have it, in whatever corner of them."""
    files = [path for path in platform.home.rglob("*") if path.is_file()]
    return [str(path) for path in files if word.encode() in _read(path)]


def _read(path: Path) -> bytes:
    """Nothing if it is gone by now, as files beside a database are when nobody has it open."""
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return b""
