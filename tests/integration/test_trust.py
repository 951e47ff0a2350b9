"""Trust between machines, with real processes over TCP: who gets in, who is thrown out, and what a rotation disturbs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tensorfleet.errors import NotPermitted, Unavailable
from tensorfleet.kit.clock import utc_now
from tensorfleet.settings import Settings, load_settings
from tensorfleet.testing.servers import free_ports
from tensorfleet.trust import client
from tensorfleet.trust.authority import Authority
from tensorfleet.trust.channels import open_channel
from tensorfleet.trust.endpoint import Endpoint
from tensorfleet.trust.home import authority_of
from tensorfleet.trust.identity import Credentials, Identity
from tensorfleet.trust.invitation import Invitation
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub
from tests.integration.platform import CLI, Platform, running_platform, wait_until
from tests.integration.scripts import Submit, submitting

DAY = timedelta(days=1)
CPUS = json.dumps({"cpus": 1, "memory_bytes": 2**30, "gpus": [], "host": "127.0.0.1", "ports": [1]})
COUNT = """
import time
from tensorfleet import train
for step in range(1, 41):
    train.report(step=step, loss=float(step))
    time.sleep(0.15)
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One that would be spoken to from other machines."""
    home = tmp_path_factory.mktemp("secured")
    orchestrator, authority = free_ports(2)
    (home / "tensorfleet.yaml").write_text(
        f"orchestrator_address: 127.0.0.1:{orchestrator}\nauthority_address: 127.0.0.1:{authority}\nmutual_tls: always\n"
    )
    with running_platform(home, workers=1) as found:
        yield found


@pytest.fixture(scope="module")
def settings(platform: Platform) -> Settings:
    return load_settings(home=platform.home)


@pytest.fixture(scope="module")
def authority(settings: Settings) -> Authority:
    return authority_of(settings)


@pytest.fixture
def submit(platform: Platform, tmp_path: Path) -> Iterator[Submit]:
    with submitting(platform, tmp_path) as found:
        yield found


@contextmanager
def calling(settings: Settings, own: Credentials | None) -> Iterator[grpc.Channel]:
    with open_channel(settings.orchestrator, (), own) as channel:
        yield channel


def refused(
    settings: Settings, own: Credentials | None, method: str = "GetJobStatus", request: Any = None
) -> str:
    """What a call ends with; an empty text when it goes through."""
    with calling(settings, own) as channel:
        stub = OrchestratorStub(channel)  # type: ignore[no-untyped-call]
        token = (settings.home / "token").read_text()
        metadata = (("authorization", f"Bearer {token}"),)
        try:
            getattr(stub, method)(
                request or pb.GetJobStatusRequest(job_id="j-0"), metadata=metadata, timeout=10
            )
        except grpc.RpcError as error:
            return str(error.code().name)
        return ""


def test_who_shows_nothing_good_does_not_get_in(
    settings: Settings, authority: Authority, tmp_path: Path
) -> None:
    good = authority.own("client", "c")
    stranger = Authority(tmp_path / "other", "h:1", DAY, utc_now).own("client", "c")
    past = Authority(settings.pki_dir / "authority", "h:1", DAY, lambda: utc_now() - 2 * DAY).own(
        "client", "c"
    )
    assert refused(settings, good) == "NOT_FOUND", "it gets in, and there is no such job"
    assert refused(settings, None) == "UNAVAILABLE", "not encrypted, with the right token"
    assert refused(settings, replace(stranger, roots=good.roots)) == "UNAVAILABLE", "of another authority"
    assert refused(settings, replace(past, roots=good.roots)) == "UNAVAILABLE", "expired"
    assert refused(settings, replace(good, roots=stranger.roots)) == "UNAVAILABLE", (
        "the server is not believed"
    )
    nobody = grpc.ssl_channel_credentials(good.roots.encode())
    named = (("grpc.ssl_target_name_override", "orchestrator.tensorfleet"),)
    with (
        grpc.secure_channel(settings.orchestrator, nobody, options=named) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_an_agents_certificate_is_no_orchestrators(authority: Authority) -> None:
    """Somebody with an agent's key answers at an orchestrator's address: nobody believes it."""
    from concurrent.futures import ThreadPoolExecutor

    agent, caller = authority.own("agent", "w-evil"), authority.own("gateway", "g")
    pair = (agent.key.encode(), agent.certificate.encode())
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    try:
        with open_channel(f"127.0.0.1:{port}", (), caller) as channel, pytest.raises(grpc.FutureTimeoutError):
            grpc.channel_ready_future(channel).result(timeout=2)
    finally:
        server.stop(None).wait()


def test_each_role_calls_what_it_needs(settings: Settings, authority: Authority) -> None:
    agent, gateway, program = (authority.own(role, "x-1") for role in ("agent", "gateway", "client"))
    assert refused(settings, gateway, "Wake", pb.WakeRequest()) == ""
    for own, method, request in (
        (agent, "GetJobStatus", pb.GetJobStatusRequest()),
        (agent, "CancelJob", pb.CancelJobRequest()),
        (agent, "CreateTrainingJob", pb.CreateTrainingJobRequest(spec_json="{}")),
        (agent, "Wake", pb.WakeRequest()),
        (gateway, "CancelJob", pb.CancelJobRequest()),
        (program, "ReportTaskCompletion", pb.TaskOutcome()),
    ):
        assert refused(settings, own, method, request) == "PERMISSION_DENIED", (own.role, method)


def test_an_agent_speaks_for_itself(
    platform: Platform, settings: Settings, authority: Authority, submit: Submit
) -> None:
    """Neither as another worker nor about the leases of others."""
    job = submit(COUNT, name="mine")
    task = wait_until(lambda: _tasks(platform, job.id), "its task")[0]  # type: ignore[index]
    real = Identity(platform.home / "agent").current.name
    other = authority.own("agent", "w-other")
    hello = pb.Hello(worker_id=real, name="x", slots=1, resources_json=CPUS)
    assert refused(settings, other, "AssignTask", pb.AssignTaskRequest(hello=hello)) == "PERMISSION_DENIED"
    with calling(settings, other) as channel:
        stub = OrchestratorStub(channel)  # type: ignore[no-untyped-call]
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.Attach(iter([pb.AgentMessage(hello=hello)]), timeout=10))
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    lie = pb.TaskOutcome(lease=task["lease"], outcome_json=json.dumps({"status": "succeeded", "result": {}}))
    chunk = pb.Chunk(lease=task["lease"], stream="log", start=0, data=b"a lie\n")
    assert refused(settings, other, "ReportProgress", chunk) == "NOT_FOUND"
    assert refused(settings, other, "ReportTaskCompletion", lie) == "", "taken note of by nobody"
    assert job.refresh().status == "running"
    job.cancel()
    wait_until(lambda: job.refresh().ended, "its end")
    assert "a lie" not in [line.text for line in job.logs()]


def _tasks(platform: Platform, job_id: str) -> list[dict[str, Any]]:
    found = platform.client.transport.call("GET", f"/jobs/{job_id}/tasks")["items"]
    return [task for task in found if task["status"] == "running"]


def test_a_revoked_one_is_cut_off(platform: Platform, settings: Settings, authority: Authority) -> None:
    own = authority.own("agent", "w-gone")
    hello = pb.Hello(worker_id="w-gone", name="gone", slots=1, resources_json=CPUS)
    with calling(settings, own) as channel:
        stub = OrchestratorStub(channel)  # type: ignore[no-untyped-call]
        ended = threading.Event()

        def messages() -> Iterator[pb.AgentMessage]:
            yield pb.AgentMessage(hello=hello)
            ended.wait(60)

        stream = stub.Attach(messages(), timeout=60)
        assert next(stream).HasField("welcome")
        assert "revoked agent w-gone" in platform.cli("trust", "revoke", "w-gone").stdout
        with pytest.raises(grpc.RpcError) as caught:
            list(stream)
        ended.set()
        assert (caught.value.code(), "revoked" in caught.value.details()) == (
            grpc.StatusCode.UNAUTHENTICATED,
            True,
        )
        with pytest.raises(grpc.RpcError) as caught:  # over the connection that is still there
            stub.AssignTask(pb.AssignTaskRequest(hello=hello), timeout=10)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(NotPermitted, match="revoked"):
        client.renew(own)
    done = platform.cli("trust", "revoke", "w-gone", check=False)
    assert (done.returncode, "no certificate that is valid now" in done.stderr) == (1, True)


def test_a_machine_joins(platform: Platform, settings: Settings, tmp_path: Path) -> None:
    """By the command line alone; then its token is used up, and its certificate is all that it has."""
    invited = json.loads(platform.cli("trust", "invite", "--json").stdout)
    words = invited["command"].split()[1:]
    home = tmp_path / "far"
    env = {**os.environ, "TENSORFLEET_HOME": str(home)}
    with (tmp_path / "agent.log").open("wb") as log:
        agent = subprocess.Popen([CLI, *words, "--workers", "1"], env=env, stdout=log, stderr=log)
    try:
        own: Any = wait_until(Identity(home / "agent").find, "its certificate")
        wait_until(lambda: own.name in _online(platform), "the second agent")
        told = (home / "agent" / "joined.json").read_text()
        assert (settings.home / "token").read_text().strip() not in told
        again = subprocess.run(
            [CLI, *words],
            env={**env, "TENSORFLEET_HOME": str(tmp_path / "thief")},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (again.returncode, "is used" in again.stderr) == (1, True)
        platform.cli("trust", "revoke", own.name)
        assert agent.wait(30) == 1, "it is told so, and ends"
    finally:
        agent.kill()
        agent.wait()
    wait_until(lambda: own.name not in _online(platform), "the worker to be lost")


def _online(platform: Platform) -> set[str]:
    return {worker["worker_id"] for worker in platform.client.workers.list() if worker["state"] == "online"}


def test_what_the_authority_refuses(settings: Settings, authority: Authority, tmp_path: Path) -> None:
    good = authority.invite("client", "", DAY)
    other = Authority(tmp_path / "other", "h:1", DAY, utc_now)
    with pytest.raises(NotPermitted, match="its fingerprint is another"):
        client.join(replace(other.invite("client", "", DAY), address=settings.authority))
    with pytest.raises(NotPermitted, match="never given"):
        client.join(replace(good, secret="x" * 43))
    late = authority.invite("client", "", timedelta(seconds=-1))
    with pytest.raises(NotPermitted, match="expired"):
        client.join(late)
    own, told = client.join(good)
    assert (own.role, told["orchestrator_address"]) == ("client", settings.orchestrator)
    assert refused(settings, own) == "NOT_FOUND", "it gets in"
    assert refused(settings, client.renew(own)) == "NOT_FOUND"
    for question in ({"op": "news"}, {"op": "vouch", "role": "agent", "name": "w-1"}, {"op": "give"}):
        with pytest.raises(NotPermitted):
            client._ask(settings.authority, question, client.client_context(own.roots, own))
        with pytest.raises(NotPermitted):
            client._ask(settings.authority, question, client.client_context(own.roots))
    stranger = other.own("orchestrator", "o")
    with pytest.raises((Unavailable, NotPermitted)):
        client.news(replace(stranger, roots=own.roots, authority=settings.authority))


@pytest.mark.parametrize("sent", [b"", b"\n", b"[]\n", b"{\n", b"[" * 60_000 + b"\n", b"x" * 70_000 + b"\n"])
def test_nonsense_does_not_hurt_it(settings: Settings, sent: bytes) -> None:
    host, _, port = settings.authority.rpartition(":")
    context = client.curious_context()
    with socket.create_connection((host, int(port)), 10) as plain, context.wrap_socket(plain) as link:
        link.sendall(sent)
        if sent.endswith(b"\n") and len(sent) < 10:
            assert b"error" in link.recv(1000)
    with socket.create_connection((host, int(port)), 10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert client._ask(settings.authority, {"op": "roots"}, client.curious_context())["roots"]


def test_two_with_one_token_at_the_same_moment(authority: Authority) -> None:
    invitation, gate, results = authority.invite("client", "", DAY), threading.Barrier(2), []

    def try_it() -> None:
        gate.wait()
        try:
            results.append(client.join(invitation)[0].role)
        except NotPermitted:
            results.append("refused")

    threads = [threading.Thread(target=try_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["client", "refused"]


def test_a_rotation_in_the_middle_of_a_job(platform: Platform, settings: Settings, submit: Submit) -> None:
    """Of the authority's key, the orchestrator's certificate and the agent's: the job does not notice."""
    agent, orchestrator = Identity(platform.home / "agent"), Identity(settings.pki_dir / "orchestrator")
    gateway = Identity(settings.pki_dir / "gateway")
    before = [one.current.roots for one in (agent, orchestrator, gateway)]
    job = submit(COUNT, name="count")
    wait_until(lambda: len(job.metrics().get("loss", [])) >= 3, "some steps")
    platform.cli("trust", "rotate")
    wait_until(lambda: orchestrator.current.roots != before[1], "the orchestrator's new certificate")
    known = _attachments(platform)
    for one in (agent, gateway):
        one.save(client.renew(one.current))
    wait_until(lambda: _attachments(platform) > known, "the agent to come back with its own")
    assert job.refresh().status == "running"
    assert refused(settings, agent.current, "GetJobStatus") == "PERMISSION_DENIED", "the new one gets in"
    job.wait(timeout=60)
    assert [point.value for point in job.metrics()["loss"]] == [float(step) for step in range(1, 41)]
    assert job.data["attempt"] == 1


def _attachments(platform: Platform) -> int:
    return (platform.home / "logs" / "orchestrator.log").read_text().count("agent attached")


async def test_an_authority_serves_its_new_key_without_a_restart(tmp_path: Path) -> None:
    now = [utc_now()]

    def clock() -> datetime:
        return now[0]

    (port,) = free_ports(1)
    authority = Authority(tmp_path, f"127.0.0.1:{port}", timedelta(hours=1), clock)
    endpoint = Endpoint(authority, {}, clock)
    await endpoint.start("127.0.0.1", port)
    try:
        old = authority.own("agent", "w-1")
        invitation = authority.invite("agent", "", DAY)
        authority.rotate()
        endpoint.refresh()
        new = await asyncio.to_thread(client.renew, old)
        assert new.roots != old.roots
        assert (await asyncio.to_thread(client.renew, new)).roots == new.roots
        joined, _ = await asyncio.to_thread(client.join, invitation)
        assert joined.roots == new.roots, "an invitation of before works as well"
        now[0] += timedelta(hours=1)
        with pytest.raises(NotPermitted, match="expired"):
            await asyncio.to_thread(client.renew, old)
    finally:
        await endpoint.close()


def test_only_the_newest_tls_is_spoken(settings: Settings) -> None:
    host, _, port = settings.authority.rpartition(":")
    context = client.curious_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((host, int(port)), 10) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain)


def test_what_the_commands_say(platform: Platform) -> None:
    listed = json.loads(platform.cli("trust", "list", "--json").stdout)
    assert {"orchestrator", "gateway", "agent"} <= {one["role"] for one in listed}
    assert {one["state"] for one in listed} == {"valid"}
    token = platform.cli("trust", "invite", "--role", "gateway", "--name", "gw-2").stdout.split()[-1]
    assert Invitation.parse(token).address == load_settings(home=platform.home).authority
