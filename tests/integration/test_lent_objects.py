"""A platform on S3 whose agents have no keys: jobs train, are killed, go on and leave a model; nothing else is to be had."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.objects.ports import ObjectStore
from tensorfleet.sdk.jobs import Job
from tensorfleet.settings import load_settings
from tensorfleet.testing.servers import S3Server, free_ports, s3
from tensorfleet.trust.channels import open_channel
from tensorfleet.trust.home import authority_of
from tensorfleet.trust.identity import Credentials, Identity
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub
from tests.integration.platform import CLI, Platform, running_platform, wait_until
from tests.integration.scripts import submitting

REDIS = "redis://:secret-of-redis@127.0.0.1:1/0"
NOSY = """
import json, os, time
from pathlib import Path
from tensorfleet import train
from tensorfleet.adapters.leased import LeasedObjectStore
from tensorfleet.errors import NotPermitted

train.report(step=0, loss=1.0)
train.save({"w": bytes(3_000_000)}, step=0, wait=True)
Path("kept.txt").write_text("kept")
task = json.loads((Path(os.environ["TENSORFLEET_TASK_DIR"]) / "task.json").read_text())
store = LeasedObjectStore(task["objects_url"])
for what, key in train.params()["wanted"].items():
    for act in (store.get, store.delete, store.size, lambda key: store.put(key, b"evil"), lambda key: list(store.list(key))):
        try:
            act(key)
        except NotPermitted as error:
            print("REFUSED", what, flush=True)
        else:
            print("GOT", what, flush=True)
print("ENVIRONMENT", json.dumps(dict(os.environ)), flush=True)
while not Path(train.params()["enough"]).exists():
    train.report(step=1, loss=0.5)
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    with pytest.MonkeyPatch.context() as patch, s3() as server:
        for name, value in server.env().items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def store_url(s3_server: S3Server) -> str:
    return s3_server.url(s3_server.make_bucket(), "fleet")


@pytest.fixture(scope="module")
def platform(store_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENSORFLEET_OBJECT_STORE_URL", store_url)
        patch.setenv("TENSORFLEET_REDIS_URL", REDIS)
        home = tmp_path_factory.mktemp("home")
        orchestrator, authority = free_ports(2)
        (home / "tensorfleet.yaml").write_text(
            f"orchestrator_address: 127.0.0.1:{orchestrator}\nauthority_address: 127.0.0.1:{authority}\nmutual_tls: always\n"
        )
        with running_platform(home, workers=2) as found:
            yield found


@pytest.fixture(scope="module")
def objects(store_url: str) -> ObjectStore:
    return open_object_store(store_url)


def secrets_in(process: psutil.Process, server: S3Server) -> list[str]:
    """What is in a process's environment that a task must not know."""
    environ = Path(f"/proc/{process.pid}/environ").read_bytes().decode()
    return [
        one
        for one in (server.access_key, server.secret_key, "secret-of-redis", "AWS_SECRET")
        if one in environ
    ]


def checkpoints(job: Job) -> list[dict[str, Any]]:
    return [dict(event.data) for event in job.events() if event.kind == "checkpoint"]


@pytest.fixture(scope="module")
def trained(platform: Platform) -> Job:
    """Killed in the middle, it went on from its checkpoint."""
    job = platform.client.submit(
        {
            "name": "lent",
            "algorithm": "mlp",
            "dataset": "iris",
            "model_name": "lent",
            "hyperparameters": {"hidden": [400, 400], "epochs": 25, "batch_size": 30},
            "checkpoint": {"every_epochs": 1, "keep_last": 2},
            "resources": {"workers": 2},
        }
    )
    wait_until(lambda: checkpoints(job), "a checkpoint", 60)
    os.kill(platform.task_pids()[0], signal.SIGKILL)
    return job.wait(timeout=100)


def test_a_job_is_killed_goes_on_and_leaves_its_model(trained: Job, objects: ObjectStore) -> None:
    assert trained.refresh().data["attempt"] == 2
    first = [one for one in checkpoints(trained) if one["attempt"] == 1]
    again = [one for one in checkpoints(trained) if one["attempt"] == 2]
    assert again[0]["step"] > first[0]["step"] > 0, "it did not begin anew"
    assert max(one["bytes"] for one in again) > 1024**2, "it was sent in parts"
    assert trained.model is not None
    assert objects.size(f"models/{trained.id}/2/MLmodel")
    left = [item.key for item in objects.list(f"checkpoints/{trained.id}")]
    assert 0 < len(left) <= 3, "the older ones were removed"


def test_what_a_task_can_have(
    platform: Platform, trained: Job, s3_server: S3Server, objects: ObjectStore, tmp_path: Path
) -> None:
    theirs = next(item.key for item in objects.list(f"checkpoints/{trained.id}"))
    wanted = {
        "checkpoint": theirs,
        "model": f"models/{trained.id}/2/MLmodel",
        "dataset": next(item.key for item in objects.list("blobs")),
        "everything": "checkpoints",
    }
    before = {key: objects.get(key) for what, key in wanted.items() if what != "everything"}
    enough = tmp_path / "enough"
    with submitting(platform, tmp_path) as submit:
        job = submit(NOSY, name="nosy", hyperparameters={"wanted": wanted, "enough": str(enough)})
        wait_until(lambda: "ENVIRONMENT" in log_of(job), "the task to have tried", 60)
        task = psutil.Process(platform.task_pids()[0])
        for process in (task, platform.process("template"), platform.process("agent")):
            assert secrets_in(process, s3_server) == []
        assert secrets_in(platform.process("orchestrator"), s3_server) != [], "so they would be found"
        lease = int(task.name().removeprefix("tf-task-"))
        answers = {own.name: asked(platform, own, lease, theirs) for own in identities(platform)}
        enough.touch()
        job.wait(timeout=60)
    assert answers["w-other"] == f"there is no lease {lease} of this worker"
    assert answers["g-1"] == "PERMISSION_DENIED"
    agents_own = Identity(platform.home / "agent").current
    assert "may not read" in answers[agents_own.name]
    assert f"lease {lease} is over" in asked(
        platform, agents_own, lease, f"checkpoints/{job.id}/1-0.safetensors"
    )
    told = log_of(job)
    for what in wanted:
        assert told.count(f"REFUSED {what}") == 5
    assert "GOT" not in told
    for secret in (s3_server.access_key, s3_server.secret_key, "secret-of-redis", "X-Amz-"):
        assert secret not in told
        for log in (platform.home / "logs").glob("*.log"):
            assert secret not in log.read_text(), log
    assert {key: objects.get(key) for key in before} == before
    assert checkpoints(job)
    assert any(item.key.startswith(f"files/{job.id}/1/") for item in objects.list(f"files/{job.id}"))


def identities(platform: Platform) -> list[Credentials]:
    """The agent's own, another agent's and a gateway's."""
    authority = authority_of(load_settings(home=platform.home))
    given = [authority.own("agent", "w-other"), authority.own("gateway", "g-1")]
    return [Identity(platform.home / "agent").current, *given]


def asked(platform: Platform, own: Credentials, lease: int, key: str) -> str:
    """What somebody hears who asks the orchestrator itself for an object."""
    question = pb.ObjectQuestion(lease=lease, question_json=json.dumps({"op": "read", "key": key}))
    with open_channel(load_settings(home=platform.home).orchestrator, (), own) as channel:
        try:
            answer = OrchestratorStub(channel).AskForObjects(question, timeout=10)  # type: ignore[no-untyped-call]
        except grpc.RpcError as error:
            return str(error.code().name)
    return str(json.loads(answer.answer_json).get("error", {}).get("detail", "it is lent"))


def log_of(job: Job) -> str:
    return "\n".join(line.text for line in job.logs())


def test_an_agent_that_is_given_keys_does_not_keep_them(
    platform: Platform, s3_server: S3Server, tmp_path: Path
) -> None:
    """Started by hand, with all that the shell of whoever started it knows."""
    env = {
        **os.environ,
        "TENSORFLEET_HOME": str(tmp_path),
        "TENSORFLEET_ORCHESTRATOR_ADDRESS": f"unix:{tmp_path}/nobody.sock",
        "TENSORFLEET_OBJECT_STORE_URL": "s3://bucket/prefix",
        "TENSORFLEET_REDIS_URL": REDIS,
    }
    assert "AWS_SECRET_ACCESS_KEY" in env
    with (tmp_path / "log").open("wb") as output:
        process = subprocess.Popen([CLI, "agent"], env=env, stdout=output, stderr=output)
    try:
        agent = psutil.Process(process.pid)
        wait_until(lambda: "tensorfleet.agent" in agent.cmdline() and agent.children(), "its template")
        for one in (agent, *agent.children(recursive=True)):
            assert secrets_in(one, s3_server) == []
    finally:
        process.terminate()
        process.wait(20)
