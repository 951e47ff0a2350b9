"""The gRPC service over its real socket: what programs and agents that use single calls rely on."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tensorfleet.errors import Conflict
from tensorfleet.settings import load_settings
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub
from tests.integration.platform import Platform, running_platform, wait_until

SERVICE = "tensorfleet.v1.Orchestrator"
FOREST = {"name": "grpc", "algorithm": "random_forest", "dataset": "iris"}
CPUS = json.dumps({"cpus": 4, "memory_bytes": 2**33, "gpus": [], "host": "127.0.0.1", "ports": [1]})


class Caller:
    """The service's methods, with the token of the home."""

    def __init__(self, platform: Platform, channel: grpc.Channel) -> None:
        self.channel = channel
        self.token = (platform.home / "token").read_text()
        self._stub = OrchestratorStub(channel)  # type: ignore[no-untyped-call]

    def __call__(self, method: str, request: Any, token: str | None = None) -> Any:
        metadata = (("authorization", f"Bearer {token or self.token}"),)
        return getattr(self._stub, method)(request, metadata=metadata, timeout=20)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One for this file: workers that were there once stay in its list."""
    with running_platform(tmp_path_factory.mktemp("home"), workers=1) as found:
        yield found


@pytest.fixture(scope="module")
def call(platform: Platform) -> Iterator[Caller]:
    with grpc.insecure_channel(load_settings(home=platform.home).orchestrator) as channel:
        yield Caller(platform, channel)


class SecondAgent:
    """A worker that fetches and reports by single calls."""

    def __init__(self, call: Caller, worker_id: str, slots: int = 1) -> None:
        self._call = call
        self.worker_id = worker_id
        self.slots = slots

    def fetch(self, *held: int) -> pb.AssignTaskResponse:
        hello = pb.Hello(
            worker_id=self.worker_id, name="second", slots=self.slots, resources_json=CPUS, held=held
        )
        return self._call("AssignTask", pb.AssignTaskRequest(hello=hello))

    def fetch_one(self) -> pb.StartTask:
        return wait_until(lambda: self.fetch().start, "a task")[0]  # type: ignore[index]

    def report(self, lease: int, stream: str, start: int, data: bytes) -> int:
        chunk = pb.Chunk(lease=lease, stream=stream, start=start, data=data)
        return int(self._call("ReportProgress", chunk).next)

    def complete(self, lease: int, **outcome: Any) -> None:
        report = pb.TaskOutcome(lease=lease, outcome_json=json.dumps(outcome))
        assert self._call("ReportTaskCompletion", report).lease == lease


@pytest.fixture
def agent(platform: Platform, call: Caller) -> Iterator[SecondAgent]:
    """The only worker that takes tasks: the platform's own one is drained meanwhile."""
    (own,) = [worker for worker in platform.client.workers.list() if worker["name"] != "second"]
    name = f"w-second-{time.time_ns()}"
    path = f"/workers/{own['worker_id']}/drain"
    transport = platform.client.transport
    transport.call("POST", path)
    wait_until(lambda: platform.client.workers.get(own["worker_id"])["state"] == "draining", "the drain")
    second = SecondAgent(call, name)
    second.fetch()
    yield second
    transport.call("POST", path, params={"undo": True})
    wait_until(lambda: platform.client.workers.get(own["worker_id"])["state"] == "online", "its end")
    with contextlib.suppress(Conflict):  # it may have been silent for too long
        transport.call("POST", f"/workers/{name}/drain")


def refused(
    call: Caller, method: str, request: Any, code: grpc.StatusCode, *words: str, **kwargs: Any
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(method, request, **kwargs)
    assert caught.value.code() is code, caught.value
    for word in words:
        assert word in caught.value.details()


def test_every_call_needs_the_token(call: Caller) -> None:
    requests = {
        "CreateTrainingJob": pb.CreateTrainingJobRequest(spec_json=json.dumps(FOREST)),
        "GetJobStatus": pb.GetJobStatusRequest(job_id="j-0"),
        "CancelJob": pb.CancelJobRequest(job_id="j-0"),
        "AssignTask": pb.AssignTaskRequest(hello=pb.Hello(worker_id="w-thief", slots=1)),
        "ReportProgress": pb.Chunk(lease=1, stream="log"),
        "ReportTaskCompletion": pb.TaskOutcome(lease=1),
        "Wake": pb.WakeRequest(),
    }
    for method, request in requests.items():
        for token in ("wrong", "é".encode().hex()):
            refused(call, method, request, grpc.StatusCode.UNAUTHENTICATED, "token", token=token)
    stub = OrchestratorStub(call.channel)  # type: ignore[no-untyped-call]
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetJobStatus(pb.GetJobStatusRequest(job_id="j-0"), timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.Attach(iter([pb.AgentMessage(hello=pb.Hello(worker_id="w-thief"))]), timeout=10))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_health_and_reflection(call: Caller) -> None:
    health = health_pb2_grpc.HealthStub(call.channel)
    answer = health.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING

    stub = reflection_pb2_grpc.ServerReflectionStub(call.channel)
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    metadata = (("authorization", f"Bearer {call.token}"),)
    (found,) = stub.ServerReflectionInfo(iter([question]), metadata=metadata, timeout=10)
    names = {service.name for service in found.list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names


def test_a_job_there_and_back(platform: Platform, call: Caller) -> None:
    create = pb.CreateTrainingJobRequest(
        spec_json=json.dumps(FOREST), idempotency_key=f"there-and-back-{time.time_ns()}"
    )
    job = call("CreateTrainingJob", create)
    assert call("CreateTrainingJob", create).job_id == job.job_id
    assert job.name == "grpc"
    status = pb.GetJobStatusRequest(job_id=job.job_id)
    wait_until(lambda: call("GetJobStatus", status).status == "completed", "the job to end")
    found = call("GetJobStatus", status)
    assert found.progress == 1.0
    assert json.loads(found.json)["metrics"]["accuracy"] > 0.8
    assert json.loads(found.json)["job_id"] == platform.client.jobs.get(job.job_id).id
    refused(
        call, "CancelJob", pb.CancelJobRequest(job_id=job.job_id), grpc.StatusCode.FAILED_PRECONDITION,
        "conflict", "completed",
    )  # fmt: skip


def test_calls_that_change_something_are_in_the_audit_log(platform: Platform, call: Caller) -> None:
    create = pb.CreateTrainingJobRequest(spec_json=json.dumps(FOREST | {"name": "told"}))
    job_id = call("CreateTrainingJob", create).job_id
    wait_until(lambda: platform.client.jobs.get(job_id).ended, "the job to end")
    refused(call, "CancelJob", pb.CancelJobRequest(job_id=job_id), grpc.StatusCode.FAILED_PRECONDITION)
    refused(
        call,
        "CreateTrainingJob",
        pb.CreateTrainingJobRequest(spec_json="{}"),
        grpc.StatusCode.INVALID_ARGUMENT,
    )
    call("GetJobStatus", pb.GetJobStatusRequest(job_id=job_id))

    def told() -> list[dict[str, Any]]:
        return [one for one in platform.client.audit.list(limit=20) if one["source"] == "socket"]

    wait_until(lambda: len(told()) >= 3 and told()[0]["outcome"] == 422, "all of it is told")
    failed, cancelled, submitted = told()[:3]
    assert (submitted["action"], submitted["target"], submitted["outcome"]) == ("jobs.submit", job_id, 200)
    assert (submitted["actor_name"], submitted["via"], submitted["workspace"]) == ("root", "token", "default")
    assert submitted["after"]["name"] == "told"
    assert (cancelled["action"], cancelled["target"], cancelled["outcome"]) == ("jobs.cancel", job_id, 409)
    assert (failed["action"], failed["outcome"]) == ("jobs.submit", 422)
    assert platform.client.audit.verify()["ok"]


def test_what_cannot_be(call: Caller) -> None:
    invalid, none = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
    for text, words in (
        ("name: x", ("not JSON",)),
        ("", ("not JSON",)),
        ("[" * 100_000, ("not JSON",)),
        ("[]", ("mapping",)),
        (json.dumps(FOREST | {"algorithm": "forest"}), ("spec_invalid", "random_forest")),
    ):
        refused(call, "CreateTrainingJob", pb.CreateTrainingJobRequest(spec_json=text), invalid, *words)
    refused(call, "GetJobStatus", pb.GetJobStatusRequest(job_id="j-0"), none, "not_found", "j-0")
    refused(call, "CancelJob", pb.CancelJobRequest(job_id="../x"), none)
    refused(call, "ReportProgress", pb.Chunk(lease=2**62, stream="log"), none, "lease")
    for hello in (
        pb.Hello(slots=1),
        pb.Hello(worker_id="w" * 65, slots=1),
        pb.Hello(worker_id="w-x", slots=0),
        pb.Hello(worker_id="w-x", slots=-5),
        pb.Hello(worker_id="w-x", slots=2**31 - 1),
        pb.Hello(worker_id="w-x", name="n" * 201, slots=1),
    ):
        refused(call, "AssignTask", pb.AssignTaskRequest(hello=hello), invalid, "hello")


def test_an_agent_of_single_calls(platform: Platform, call: Caller, agent: SecondAgent) -> None:
    job = platform.client.submit(FOREST | {"name": "second-hand"})
    order = agent.fetch_one()
    task = json.loads(order.task_json)
    assert task["job_id"] == job.id
    assert (task["rank"], task["world_size"]) == (0, 1)
    assert agent.fetch().start[0].lease == order.lease, "an answer that was lost is given again"
    assert not agent.fetch(order.lease).start, "what it holds it is not given again"
    assert [item["status"] for item in _tasks(platform, job.id)] == ["running"]

    assert agent.report(order.lease, "log", 0, b"first\n") == 6
    assert agent.report(order.lease, "log", 0, b"first\n") == 6, "a second time changes nothing"
    assert agent.report(order.lease, "log", 99, b"later\n") == 6, "a gap is not taken"
    assert agent.report(order.lease, "log", 6, b"second\n") == 13
    record = json.dumps({"kind": "metrics", "at": time.time(), "step": 1, "values": {"loss": 0.5}}) + "\n"
    progress = json.dumps({"kind": "progress", "at": time.time(), "value": 0.25}) + "\n"
    data = (record + progress + "{torn\n").encode()
    assert agent.report(order.lease, "record", 0, data) == len(data)
    assert job.refresh().data["progress"] == 0.25
    refused(
        call,
        "ReportProgress",
        pb.Chunk(lease=order.lease, stream="../x", data=b"x"),
        grpc.StatusCode.NOT_FOUND,
    )

    agent.complete(order.lease, status="succeeded", result={"metrics": {"loss": 0.5}})
    assert job.refresh().status == "completed"
    agent.complete(order.lease, status="failed", **{"class": "user_error", "message": "a late lie"})
    agent.complete(order.lease, status="succeeded", result={"metrics": {"loss": 99}})
    agent.report(order.lease, "log", 0, b"first\n")
    job.refresh()
    assert (job.status, job.data["metrics"], job.data["error"]) == ("completed", {"loss": 0.5}, None)
    assert [line.text for line in job.logs()] == ["first", "second"]
    assert [event.kind for event in job.events()].count("job.completed") == 1
    assert not agent.fetch().start


def test_it_is_told_to_stop(platform: Platform, call: Caller, agent: SecondAgent) -> None:
    job = platform.client.submit(FOREST | {"name": "stopped"})
    order = agent.fetch_one()
    answer = call("CancelJob", pb.CancelJobRequest(job_id=job.id))
    assert answer.job_id == job.id
    stops = wait_until(lambda: agent.fetch(order.lease).stop, "the stop")
    assert [stop.lease for stop in stops] == [order.lease]  # type: ignore[attr-defined]
    agent.complete(order.lease, status="stopped", **{"class": "cancelled", "message": "stopped"})
    assert job.refresh().status == "cancelled"
    assert not agent.fetch().stop


def test_a_report_that_makes_no_sense(platform: Platform, call: Caller, agent: SecondAgent) -> None:
    job = platform.client.submit(FOREST | {"name": "garbled", "retries": 0})
    order = agent.fetch_one()
    call("ReportTaskCompletion", pb.TaskOutcome(lease=order.lease, outcome_json="{"))
    assert job.refresh().status == "failed"
    assert job.data["error"]["class"] == "internal"
    call("ReportTaskCompletion", pb.TaskOutcome(lease=2**62, outcome_json="{}"))


def test_several_agents_cannot_be_scaled(platform: Platform, agent: SecondAgent) -> None:
    agent.fetch()
    done = platform.cli("workers", "scale", "5", check=False)
    assert done.returncode == 1
    assert re.search(r"the fleet has \d agents", done.stderr)


def test_an_agent_that_falls_silent(platform: Platform, agent: SecondAgent) -> None:
    job = platform.client.submit(FOREST | {"name": "orphan"})
    order = agent.fetch_one()
    wait_until(lambda: job.refresh().status == "queued", "its lease to end", 25)
    agent.complete(order.lease, status="succeeded", result={"metrics": {"loss": 99}})
    assert job.refresh().status == "queued", "a late report changes nothing"
    job.cancel()
    wait_until(lambda: job.refresh().ended, "the cancel")


def _tasks(platform: Platform, job_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = platform.client.transport.call("GET", f"/jobs/{job_id}/tasks")["items"]
    return found
