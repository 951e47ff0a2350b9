"""Two people and a program on one platform, by the command line, as they would use it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import tensorfleet
from tensorfleet.errors import NotAuthenticated, NotFound, NotPermitted
from tensorfleet.sdk.sign_in import Credentials
from tests.integration.platform import CLI, Platform, running_platform, wait_until

PASSWORD = "correct horse"
JOB = {"name": "cats", "algorithm": "decision_tree", "dataset": "iris", "model_name": "cats"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("home"), workers=1) as found:
        access = found.client.access
        for name in ("anna", "berta"):
            access.add_user(name, PASSWORD)
            access.add_workspace(f"of-{name}")
            access.set_member(f"of-{name}", name, "user")
        yield found


class Person:
    """Somebody on a machine of her own: no home, and a configuration folder that nobody else has."""

    def __init__(self, platform: Platform, folder: Path, **env: str) -> None:
        self.credentials = folder / "credentials.json"
        own = {
            "TENSORFLEET_URL": platform.client.url,
            "TENSORFLEET_HOME": str(folder / "nowhere"),
            "TENSORFLEET_CREDENTIALS": str(self.credentials),
        }
        self.env = {**os.environ, **own, **env}

    def __call__(self, *arguments: str, typed: str = "", fails: bool = False) -> str:
        """What the command prints, on stderr if it is to fail."""
        done = subprocess.run(
            [CLI, *arguments], env=self.env, input=typed, capture_output=True, text=True, timeout=100
        )
        assert (done.returncode == 1) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout


@pytest.fixture
def anna(platform: Platform, tmp_path: Path) -> Person:
    person = Person(platform, tmp_path, TENSORFLEET_WORKSPACE="of-anna")
    person("login", "--user", "anna", "--password-stdin", typed=f"{PASSWORD}\n")
    return person


def test_signing_in(platform: Platform, anna: Person, tmp_path: Path) -> None:
    assert json.loads(anna("whoami", "--json"))["username"] == "anna"
    assert stat.S_IMODE(anna.credentials.stat().st_mode) == 0o600
    kept = anna.credentials.read_text()
    wrong = anna("login", "--user", "anna", "--password-stdin", typed="wrong\n", fails=True)
    assert "name or password is wrong" in wrong
    assert anna.credentials.read_text() == kept, "a wrong password signs nobody out"
    assert "permission platform:admin" in anna("users", "list", fails=True)
    anna("logout")
    assert "token" in anna("whoami", fails=True)


def test_a_token_that_has_ended_is_renewed_by_itself_once(platform: Platform, anna: Person) -> None:
    known = json.loads(anna.credentials.read_text())
    (tokens,) = known.values()
    anna.credentials.write_text(json.dumps({url: {**tokens, "expires_at": 0} for url in known}))
    running = [
        subprocess.Popen([CLI, "jobs", "list", "--json"], env=anna.env, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    for one in running:
        assert one.communicate(timeout=60)[0].strip().startswith(b"[")
        assert one.returncode == 0
    (renewed,) = json.loads(anna.credentials.read_text()).values()
    assert renewed["refresh_token"] != tokens["refresh_token"]
    # Somebody has copied the file before: with the old token the whole session ends.
    thief = Credentials(anna.credentials.with_name("copy.json"))
    thief.path.write_text(json.dumps({url: {**tokens, "expires_at": 0} for url in known}))
    anna.env["TENSORFLEET_CREDENTIALS"] = str(thief.path)
    assert "login" in anna("whoami", fails=True)
    anna.env["TENSORFLEET_CREDENTIALS"] = str(anna.credentials)
    assert "session" in anna("whoami", fails=True)


def test_what_is_annas_is_not_there_for_berta(platform: Platform, anna: Person, tmp_path: Path) -> None:
    job_file = tmp_path / "job.json"
    job_file.write_text(json.dumps(JOB))
    job_id = anna("submit", str(job_file), "--follow", "--json").split('"job_id":')[1].split('"')[1]
    wait_until(lambda: "cats" in anna("models", "list"), "the model to be registered")
    assert json.loads(anna("models", "show", "cats", "--json"))["workspace"] == "of-anna"

    key = platform.client.access.add_key("berta's", user="berta")["key"]
    with tensorfleet.Client(platform.client.url, key, workspace="of-berta") as berta:
        assert job_id not in [job.id for job in berta.jobs.list()]
        for use in (lambda: berta.jobs.get(job_id), lambda: berta.models.get("cats")):
            with pytest.raises(NotFound):
                use()
        mine = berta.submit(JOB).wait(60)
        assert mine.data["workspace"] == "of-berta"
        assert mine.model.data["workspace"] == "of-berta", "the same name, and another model"
        assert mine.model.version == 1
        with pytest.raises(NotFound, match="of-anna"):
            berta.submit(JOB | {"workspace": "of-anna"})


def test_a_key_ends_when_it_is_revoked(platform: Platform, tmp_path: Path) -> None:
    owner = Person(platform, tmp_path)
    owner.env["TENSORFLEET_HOME"] = str(platform.home)
    owner("users", "add", "ci", "--service")
    owner("workspaces", "join", "of-anna", "ci", "--role", "service")
    key = owner(
        "keys", "add", "nightly", "--user", "ci", "--scope", "jobs:read", "--workspace", "of-anna"
    ).strip()
    (listed,) = json.loads(owner("keys", "list", "--user", "ci", "--json"))
    assert key not in json.dumps(listed)
    with tensorfleet.Client(platform.client.url, key, workspace="of-anna") as robot:
        robot.jobs.list()
        with pytest.raises(NotPermitted, match="jobs:write"):
            robot.submit(JOB)
        owner("keys", "revoke", listed["key_id"])
        with pytest.raises(NotAuthenticated, match="revoked"):
            robot.jobs.list()
    assert "no user" in owner("workspaces", "join", "of-anna", "nobody", fails=True)
