"""The gRPC face under random messages, valid and not: each gets a status that says something, and the service goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tensorfleet.settings import load_settings
from tensorfleet.wire import tensorfleet_pb2 as pb
from tests.integration.messages import Messages
from tests.integration.platform import Platform, running_platform

SERVICE = pb.DESCRIPTOR.services_by_name["Orchestrator"]
SINGLE = [method.name for method in SERVICE.methods if not method.client_streaming]
SAID = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
"""No UNKNOWN, INTERNAL, UNAVAILABLE or DEADLINE_EXCEEDED."""
WAIT_S = 20
FOREST = {"name": "fuzz", "algorithm": "random_forest", "dataset": "iris"}
usual = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Asker:
    """The service of a platform, by bytes: also by those that are no message."""

    def __init__(self, platform: Platform, channel: grpc.Channel) -> None:
        job = platform.client.submit(FOREST)
        job.wait(60)
        (task,) = platform.client.transport.call("GET", f"/jobs/{job.id}/tasks")["items"]
        self.messages = Messages([job.id, "w-fuzz", json.dumps(FOREST)], [task["lease"]])
        self._channel = channel
        self._metadata = (("authorization", f"Bearer {(platform.home / 'token').read_text().strip()}"),)

    def single(self, method: str, data: bytes) -> grpc.StatusCode:
        try:
            self._channel.unary_unary(f"/{SERVICE.full_name}/{method}")(
                data, metadata=self._metadata, timeout=WAIT_S
            )
        except grpc.RpcError as error:
            return error.code()  # type: ignore[no-any-return]
        return grpc.StatusCode.OK

    def stream(self, data: list[bytes]) -> grpc.StatusCode:
        """Sends all, says that this is all, and reads to the end."""
        try:
            for _ in self._channel.stream_stream(f"/{SERVICE.full_name}/Attach")(
                iter(data), metadata=self._metadata, timeout=WAIT_S
            ):
                pass
        except grpc.RpcError as error:
            return error.code()  # type: ignore[no-any-return]
        return grpc.StatusCode.OK


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One for this file: workers come of these messages that there are not."""
    with running_platform(tmp_path_factory.mktemp("home"), workers=1) as found:
        yield found


@pytest.fixture(scope="module")
def asker(platform: Platform) -> Iterator[Asker]:
    with grpc.insecure_channel(load_settings(home=platform.home).orchestrator) as channel:
        yield Asker(platform, channel)


@pytest.fixture(autouse=True)
def goes_on(platform: Platform, asker: Asker) -> Iterator[None]:
    """After each test: the same process, which serves and has logged no defect."""
    before = platform.process("orchestrator").pid
    yield
    assert platform.process("orchestrator").pid == before
    with grpc.insecure_channel(load_settings(home=platform.home).orchestrator) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service=SERVICE.full_name), timeout=10
        )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert not defects(platform.home)


def defects(home: Path) -> list[str]:
    """What the orchestrator has logged as its own fault."""
    log = home / "logs" / "orchestrator.log"
    return [line[:1000] for line in log.read_text().splitlines() if "Traceback" in line or "[error" in line]


@pytest.mark.parametrize("method", SINGLE)
def test_single_calls(method: str, asker: Asker) -> None:
    messages = asker.messages.of(SERVICE.methods_by_name[method].input_type)
    seen: set[grpc.StatusCode] = set()

    @usual
    @given(messages)
    def asked(message: Any) -> None:
        code = asker.single(method, message.SerializeToString())
        seen.add(code)
        assert code in SAID, (method, code, message)

    asked()
    assert seen, "nothing was asked"


@pytest.mark.parametrize("method", [*SINGLE, "Attach"])
def test_bytes_that_are_no_message(method: str, asker: Asker) -> None:
    @settings(usual, max_examples=15)
    @given(st.binary(max_size=60))
    def asked(data: bytes) -> None:
        code = asker.stream([data]) if method == "Attach" else asker.single(method, data)
        assert code in SAID, (method, code, data)

    asked()
    torn = b"\x0a\xff\xff\xff\xff\x0f"  # a field that says it is 4 GB long
    code = asker.stream([torn]) if method == "Attach" else asker.single(method, torn)
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_streams_of_agents(asker: Asker) -> None:
    hello = pb.AgentMessage(hello=pb.Hello(worker_id="w-fuzz", name="fuzz", slots=1, resources_json="{}"))
    messages = asker.messages.of(pb.AgentMessage.DESCRIPTOR)
    welcomed = 0

    @usual
    @given(st.booleans(), st.lists(messages, max_size=6))
    def asked(known: bool, sent: list[Any]) -> None:
        nonlocal welcomed
        data = [message.SerializeToString() for message in ([hello] if known else []) + sent]
        code = asker.stream(data)
        welcomed += known and code is grpc.StatusCode.OK
        assert code in SAID, (code, sent)

    asked()
    assert welcomed, "no agent was ever welcome"


def test_the_platform_still_works(platform: Platform) -> None:
    """Workers that only said hello are given up after a while; the real one goes on."""
    job = platform.client.submit({**FOREST, "name": "afterwards"})
    assert job.wait(90).status == "completed"
