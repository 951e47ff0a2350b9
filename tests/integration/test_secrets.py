"""Secrets as people and jobs use them: who may what, which value a task gets, and what becomes of logs when parts are killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import tensorfleet
from tensorfleet.errors import NotFound, NotPermitted, SpecInvalid
from tests.integration.platform import CLI, Platform, wait_until
from tests.integration.scripts import Submit, submitting

SHOWS = """
import hashlib, os
from tensorfleet import train
value = os.environ["TOKEN"]
print("digest", hashlib.sha256(value.encode()).hexdigest()[:8], "of", value)
train.report(step=1, loss=0.5)
"""
PRINTS_AND_WAITS = """
import os, sys, time
print("begun", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
print("now it says", os.environ["TOKEN"], flush=True)
open(sys.argv[1] + ".said", "w").close()
time.sleep(60 if len(sys.argv) > 2 else 0)
"""


@pytest.fixture
def submit(platform: Platform, tmp_path: Path) -> Iterator[Submit]:
    with submitting(platform, tmp_path, name="shows", secrets={"TOKEN": "token"}, retries=0) as found:
        yield found


@pytest.fixture(scope="module")
def people(platform: Platform) -> Iterator[dict[str, tensorfleet.Client]]:
    """One of each role in the workspace `of-secrets`, and somebody who is not in it."""
    access = platform.client.access
    access.add_workspace("of-secrets")
    clients = {}
    for role in ("viewer", "service", "user", "stranger"):
        access.add_user(f"s-{role}", service=True)
        if role != "stranger":
            access.set_member("of-secrets", f"s-{role}", role)
        key = access.add_key("k", user=f"s-{role}")["key"]
        clients[role] = tensorfleet.Client(platform.client.url, key, workspace="of-secrets")
    yield clients
    for client in clients.values():
        client.close()


def log_of(job: tensorfleet.Job) -> str:
    return "".join(line.text for line in job.logs())


def digest_of(value: str) -> str:
    from hashlib import sha256

    return f"digest {sha256(value.encode()).hexdigest()[:8]} of ***"


def test_each_role_may_what_it_should(people: dict[str, tensorfleet.Client]) -> None:
    people["user"].secrets.set("token", "planted-one")
    assert [one["name"] for one in people["service"].secrets.list()] == ["token"]
    for who in ("viewer", "service"):
        with pytest.raises(NotPermitted, match="secrets:write"):
            people[who].secrets.set("token", "planted-two")
        with pytest.raises(NotPermitted):
            people[who].secrets.rotate()
    with pytest.raises(NotPermitted, match="secrets:read"):
        people["viewer"].secrets.list()
    for call in (people["stranger"].secrets.list, lambda: people["stranger"].secrets.set("token", "planted")):
        with pytest.raises(NotFound, match="no workspace"):
            call()


def test_a_job_gets_only_secrets_of_its_own_workspace_from_who_may_use_them(
    platform: Platform, people: dict[str, tensorfleet.Client], submit: Submit
) -> None:
    people["user"].secrets.set("token", "planted-one")
    tree = {"name": "tree", "algorithm": "decision_tree", "dataset": "iris", "secrets": {"TOKEN": "token"}}
    with pytest.raises(
        SpecInvalid, match=r"secrets.TOKEN: there is no secret of this name in workspace 'default'"
    ):
        platform.client.submit({**tree, "secrets": {"TOKEN": "token-of-nobody"}})
    people["service"].submit(tree).wait(60)
    with pytest.raises(NotPermitted):
        people["viewer"].submit(tree)
    scoped = platform.client.access.add_key(
        "narrow", user="s-user", scopes=["jobs:write", "jobs:read", "datasets:read"]
    )
    with (
        tensorfleet.Client(platform.client.url, scoped["key"], workspace="of-secrets") as narrow,
        pytest.raises(NotPermitted, match="secrets:read"),
    ):
        narrow.submit(tree)


def test_a_retry_gets_the_value_of_the_moment_and_fails_when_there_is_none(
    platform: Platform, submit: Submit
) -> None:
    secrets = platform.client.secrets
    secrets.set("token", "planted-first")
    job = submit(f"{SHOWS}\nassert value != 'planted-' + 'first'")
    wait_until(lambda: job.refresh().ended, "the job to fail")
    assert digest_of("planted-first") in log_of(job)
    secrets.set("token", "planted-second")
    secrets.rotate()
    job.retry()
    wait_until(lambda: job.refresh().status == "completed", "the retry to complete")
    assert digest_of("planted-second") in log_of(job)
    used = {one["name"]: one for one in secrets.list()}["token"]
    assert used["last_used_at"] is not None
    again = submit(f"{SHOWS}\nassert value != 'planted-' + 'second'")
    wait_until(lambda: again.refresh().ended, "the second job to fail")
    secrets.delete("token")
    again.retry()
    wait_until(
        lambda: "secret 'token' is not in workspace" in str(again.refresh().data["reason"]), "the reason"
    )
    assert (again.status, again.data["attempt"]) == ("failed", 2)


def test_every_rank_gets_them(platform: Platform, submit: Submit) -> None:
    platform.client.secrets.set("token", "planted-ranks")
    job = submit(SHOWS, resources={"workers": 2}).wait(60)
    assert log_of(job).count(digest_of("planted-ranks")) == 2
    assert platform.client.jobs.get(job.id).data["spec"]["secrets"] == {"TOKEN": "token"}


def test_the_command_line_takes_no_value(platform: Platform) -> None:
    refused = platform.cli("secrets", "set", "token", "planted-on-the-line", check=False)
    assert refused.returncode == 2
    env = {**os.environ, "TENSORFLEET_HOME": str(platform.home)}
    piped = subprocess.run(
        [CLI, "secrets", "set", "piped"],
        env=env,
        input="planted-piped\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (piped.returncode, "planted" in piped.stdout) == (0, False)
    assert "piped" in platform.cli("secrets", "list").stdout
    platform.cli("secrets", "delete", "piped")


def test_what_a_killed_agent_has_not_delivered_is_masked_by_the_next(
    own_platform: Platform, tmp_path: Path
) -> None:
    """The orchestrator stands still while the task prints, so that only the task's file has it when the agent is killed."""
    own_platform.client.secrets.set("token", "planted-late")
    go_on, said = tmp_path / "go-on", tmp_path / "go-on.said"
    with submitting(own_platform, tmp_path, name="late", secrets={"TOKEN": "token"}) as submit:
        job = submit(PRINTS_AND_WAITS, args=[str(go_on), "stay"])
        wait_until(lambda: "begun" in log_of(job), "the task to begin")
        orchestrator = own_platform.process("orchestrator")
        orchestrator.send_signal(signal.SIGSTOP)
        try:
            go_on.touch()
            wait_until(said.exists, "the task to print")
            own_platform.kill("agent")
        finally:
            orchestrator.send_signal(signal.SIGCONT)
        wait_until(lambda: "now it says" in log_of(job), "the rest of the log")
        found = log_of(job)
    assert "now it says ***" in found
    assert "planted" not in found
