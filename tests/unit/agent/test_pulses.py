"""What the agent says of tasks that stand still, and of those that it is asked about."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.agent import pulses, stacks
from tensorfleet.agent.pulses import STACKS_LIMIT_BYTES, Pulses
from tensorfleet.agent.spool import SpooledTask
from tensorfleet.training.pulse import Pulse
from tensorfleet.wire import tensorfleet_pb2 as pb

PROCESSES = [{"pid": 7, "threads": [{"main": True, "frames": []}]}]


class Machine:
    """An agent's view of one task, with a clock that the test turns."""

    def __init__(self, folder: Path, policy: dict[str, Any] | None) -> None:
        spec = {} if policy is None else {"hang": policy}
        (folder / "task.json").write_text(json.dumps({"spec": spec}))
        self.task = SpooledTask(5, folder, {}, pid=os.getpid())
        self.attached = True
        self.sent: list[pb.AgentMessage] = []
        self.pulses = Pulses({5: self.task}, self.sent.append, lambda: self.attached, lambda: self.now)
        self.now = 1e9

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / pulses.LOOK_S)):
            self.now += pulses.LOOK_S
            self.pulses._look_at_all(self.now)

    async def told(self) -> list[pb.TaskStacks]:
        async with asyncio.timeout(5):
            while self.pulses._dumps:
                await asyncio.sleep(0.001)
        return [message.stacks for message in self.sent]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Machine]:
    def make(policy: dict[str, Any] | None = None) -> Machine:
        return Machine(tmp_path, policy)

    monkeypatch.setattr(stacks, "collect", lambda pid, directory: PROCESSES)
    monkeypatch.setattr(pulses, "_activity", lambda pid: None)
    return make


async def test_a_stall_is_told_once_with_all_that_is_known(machine: Callable[..., Machine]) -> None:
    one = machine({"after": 3.0, "action": "restart"})
    pulse = Pulse(one.task.directory)
    for step in range(4):
        one.pass_time(0.5)
        pulse.beat(step)
    one.pass_time(0.25)
    one.pass_time(2.5)
    assert not await one.told()
    one.pass_time(1)
    (word,) = await one.told()
    assert (word.lease, word.stalled, word.beats, word.step) == (5, True, 4, 3)
    assert 3 <= word.idle_s <= 4
    report = json.loads(word.stacks_json)
    assert report["processes"] == PROCESSES
    assert (report["limit_s"], report["limit_is_set"]) == (3.0, True)


async def test_a_task_may_be_asked_about_at_any_time(machine: Callable[..., Machine]) -> None:
    one = machine()
    one.pass_time(0.5)
    one.pulses.dump(5)
    one.pulses.dump(5)
    one.pulses.dump(99)
    (word,) = await one.told()
    assert (word.lease, word.stalled) == (5, False)
    assert json.loads(word.stacks_json)["limit_is_set"] is False


@pytest.mark.parametrize("case", ["off", "stopping", "ended", "not started"])
async def test_who_is_left_alone(case: str, machine: Callable[..., Machine]) -> None:
    one = machine({"after": 1.0, "action": "off" if case == "off" else "restart"})
    one.task.stop = "save" if case == "stopping" else ""
    one.task.ended = case == "ended"
    if case == "not started":
        one.task.pid = None
    one.pass_time(5)
    assert not await one.told()


async def test_a_stall_while_nobody_listens_is_told_as_soon_as_somebody_does(
    machine: Callable[..., Machine],
) -> None:
    one = machine({"after": 1.0})
    one.attached = False
    one.pass_time(5)
    assert not await one.told()
    one.attached = True
    one.pass_time(0.25)
    assert [word.stalled for word in await one.told()] == [True]


async def test_a_task_that_ends_while_it_is_looked_at_is_not_told_of(machine: Callable[..., Machine]) -> None:
    one = machine({"after": 1.0})
    one.pass_time(2)
    one.task.ended = True
    assert not await one.told()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"spec": 7}', '{"spec": {"hang": 7}}'])
async def test_a_task_without_a_policy_has_the_usual_one(text: str, machine: Callable[..., Machine]) -> None:
    one = machine()
    (one.task.directory / "task.json").write_text(text)
    one.pass_time(590)
    assert not await one.told()
    one.pass_time(20)
    assert len(await one.told()) == 1


async def test_stacks_without_end_are_cut(
    machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [{"file": "x" * 300, "line": 1, "function": "y" * 300}] * 48
    threads = [{"main": number == 0, "frames": frames} for number in range(24)]
    found = [{"pid": pid, "threads": threads} for pid in range(32)]
    monkeypatch.setattr(stacks, "collect", lambda pid, directory: found)
    one = machine()
    one.pass_time(0.5)
    one.pulses.dump(5)
    (word,) = await one.told()
    assert len(word.stacks_json) <= STACKS_LIMIT_BYTES
    assert json.loads(word.stacks_json)["processes"][0]["threads"][0]["main"]


def test_what_a_process_does_is_seen() -> None:
    before = pulses._activity(os.getpid())
    assert before is not None
    while (now := pulses._activity(os.getpid())) is not None and now.cpu_s < before.cpu_s + 0.02:
        pass
    assert now is not None
    assert now.moved > before.moved
    assert now.wants, "it has a core just now"
    assert pulses._activity(2**22 + 1) is None
