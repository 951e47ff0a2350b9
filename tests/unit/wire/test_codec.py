"""Values to messages and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tensorfleet.errors import InvalidInput
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.jobs.ports import Command, HeldTask
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def over_the_wire(message: Any) -> Any:
    return type(message).FromString(message.SerializeToString())


def test_a_worker_introduces_itself() -> None:
    resources = {"cpus": 4, "host": "näme 🌲", "gpus": []}
    message = over_the_wire(codec.hello("w-1", "Wald 🌲", 2, resources, (5, 2**40)))
    assert list(message.held) == [5, 2**40]
    assert codec.worker_of(message, NOW) == Worker(
        "w-1", "Wald 🌲", WorkerState.ONLINE, 2, resources, {}, NOW, NOW
    )


@pytest.mark.parametrize("resources", ["", "[]", "null", "torn{", "[" * 100_000], ids=range(5))
def test_resources_that_cannot_be_read_are_none(resources: str) -> None:
    message = pb.Hello(worker_id="w-1", slots=1, resources_json=resources)
    assert codec.worker_of(message, NOW).resources == {}


@pytest.mark.parametrize(
    "message",
    [
        pb.Hello(slots=1),
        pb.Hello(worker_id="w" * 65, slots=1),
        pb.Hello(worker_id="w-1", name="n" * 201, slots=1),
        pb.Hello(worker_id="w-1"),
        pb.Hello(worker_id="w-1", slots=-1),
        pb.Hello(worker_id="w-1", slots=2**31 - 1),
    ],
    ids=range(6),
)
def test_a_worker_that_cannot_be_is_refused(message: pb.Hello) -> None:
    with pytest.raises(InvalidInput, match="a hello has a worker_id of 1 to 64 characters"):
        codec.worker_of(message, NOW)


def test_a_welcome_says_where_to_go_on() -> None:
    message = over_the_wire(
        codec.welcome(15.0, 3.0, [HeldTask(7, 2**33, 12, True), HeldTask(8, 0, 0, False)])
    )
    welcome = message.welcome
    assert (welcome.lease_s, welcome.heartbeat_s) == (15.0, 3.0)
    assert [(held.lease, held.log_offset, held.record_offset, held.over) for held in welcome.held] == [
        (7, 2**33, 12, True),
        (8, 0, 0, False),
    ]


@pytest.mark.parametrize(
    ("rank", "local_rank", "local_world_size", "node_rank"),
    [(0, 0, 2, 0), (1, 0, 1, 1), (2, 1, 2, 0)],
    ids=["0", "1", "2"],
)
def test_a_start_tells_a_rank_its_place_on_its_worker(
    rank: int, local_rank: int, local_world_size: int, node_rank: int
) -> None:
    order = Command(1, "agent:w-1", "start", "41", {"job_id": "j-1", "rank": rank})
    payload = {"workers": ["w-1", "w-2", "w-1"], "world_size": 3, "job_id": "j-1"}
    start = over_the_wire(codec.command(order, payload)).start
    assert (start.lease, start.rank) == (41, rank)
    assert json.loads(start.task_json) == {
        "world_size": 3,
        "job_id": "j-1",
        "lease": 41,
        "rank": rank,
        "local_rank": local_rank,
        "local_world_size": local_world_size,
        "node_rank": node_rank,
        "nodes": 2,
    }


def test_a_stop_carries_its_reason() -> None:
    order = Command(1, "agent:w-1", "stop", "41", {"reason": "cancelled on request"})
    message = over_the_wire(codec.command(order, {}))
    assert message.WhichOneof("message") == "stop"
    assert (message.stop.lease, message.stop.reason) == (41, "cancelled on request")


def test_a_job_is_whole_in_its_message() -> None:
    data = {
        "job_id": "j-1",
        "name": "näme",
        "status": "queued",
        "reason": None,
        "progress": 0.5,
        "attempt": 2,
    }
    message = over_the_wire(codec.job(data))
    assert (message.job_id, message.status, message.reason, message.progress) == ("j-1", "queued", "", 0.5)
    assert json.loads(message.json) == data


def test_values_of_secrets_are_not_in_what_an_agent_keeps() -> None:
    payload = {"workers": ["w-1"], "spec": {"secrets": {"A": "x"}}, codec.SECRETS: {"A": "planted"}}
    order = Command(None, "agent:w-1", "start", "7", {"rank": 0})
    start = over_the_wire(codec.command(order, payload)).start
    assert dict(start.secrets) == {"A": "planted"}
    assert "planted" not in start.task_json
    assert json.loads(start.task_json)["spec"] == {"secrets": {"A": "x"}}


def test_an_agent_is_told_what_to_mask_in_what_it_holds() -> None:
    held = [HeldTask(lease, 0, 0, False) for lease in (1, 2, 3)]
    message = over_the_wire(codec.welcome(8, 1, held, {1: ["planted"], 2: None, 3: []}))
    assert [(list(one.secrets), one.secrets_changed) for one in message.welcome.held] == [
        (["planted"], False), ([], True), ([], False),
    ]  # fmt: skip
