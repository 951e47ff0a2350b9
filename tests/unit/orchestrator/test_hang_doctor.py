"""From a word of an agent to a verdict: who is asked, what is waited for, and what changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tensorfleet.jobs.events import Effect, How, Record, StopTask
from tensorfleet.jobs.model import FailureClass, JobState, JobStatus, Lease, Outcome, TaskState, TaskStatus
from tensorfleet.orchestrator import hangs
from tensorfleet.orchestrator.hangs import HangDoctor
from tensorfleet.wire import tensorfleet_pb2 as pb

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
RUNNING, LEASED, SUCCEEDED = TaskStatus.RUNNING, TaskStatus.LEASED, TaskStatus.SUCCEEDED
SLEEPS = [{"file": "train.py", "line": 41, "function": "step", "own": True, "source": "time.sleep(60)"}]
WAITS = [
    {"file": "torch/distributed/distributed_c10d.py", "line": 9, "function": "all_reduce"},
    {"file": "train.py", "line": 55, "function": "step", "own": True},
]


class Store:
    """One job, whose ranks hold the leases 1, 2, ... on the workers w-0, w-1, ...; engine and transaction at once."""

    def __init__(self, *statuses: TaskStatus, policy: dict[str, Any] | None = None) -> None:
        tasks = [
            TaskState(
                Lease(rank + 1, rank, f"w-{rank}"),
                status,
                Outcome(status) if status is SUCCEEDED else None,
            )
            for rank, status in enumerate(statuses)
        ]
        self.state = JobState("j-1", JobStatus.RUNNING, attempt=3, tasks=tuple(tasks))
        self.policy = policy
        self.effects: list[Effect] = []
        self.over: set[int] = set()

    async def submit(self, work: Callable[[Any, datetime], Any]) -> Any:
        await asyncio.sleep(0)
        return work(self, NOW)

    def job_of_lease(self, token: int) -> str | None:
        return "j-1" if token <= len(self.state.tasks) else None

    def in_force(self, worker_id: str, token: int) -> bool:
        return worker_id == f"w-{token - 1}" and token not in self.over

    def load(self, job_id: str) -> JobState:
        return self.state

    def payload(self, job_id: str) -> dict[str, Any]:
        return {"spec": {"hang": self.policy} if self.policy is not None else {}}

    def save(self, before: JobState, after: JobState, effects: Sequence[Effect], now: datetime) -> None:
        self.state = after
        self.effects += effects


class Agents:
    """The agents' sessions: remembers who was asked; some are away."""

    def __init__(self, *away: str) -> None:
        self.away = away
        self.asked: list[tuple[str, int]] = []

    def tell(self, worker_id: str, message: pb.OrchestratorMessage) -> bool:
        self.asked.append((worker_id, message.dump.lease))
        return worker_id not in self.away


def word(lease: int, frames: Any, stalled: bool = False, idle_s: float = 12.0) -> pb.TaskStacks:
    process = {"pid": 7, "threads": [{"main": True, "frames": frames}]}
    report = {"quiet_s": idle_s, "limit_s": 10, "limit_is_set": True, "processes": [process]}
    return pb.TaskStacks(
        lease=lease, stalled=stalled, beats=9, step=8, idle_s=idle_s, stacks_json=json.dumps(report)
    )


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def doctor(store: Store, agents: Agents) -> HangDoctor:
    return HangDoctor(store, agents)  # type: ignore[arg-type]


async def settled(found: HangDoctor) -> None:
    await until(lambda: not found._work)


async def test_all_ranks_are_asked_and_the_job_is_stopped() -> None:
    store, agents = Store(RUNNING, RUNNING), Agents()
    found = doctor(store, agents)
    found.report("w-0", word(1, WAITS, stalled=True))
    await until(lambda: agents.asked)
    assert agents.asked == [("w-1", 2)]
    assert not store.effects, "nothing is decided before the other rank has answered"
    found.report("w-1", word(2, SLEEPS))
    await settled(found)

    assert store.state.stop is not None
    assert store.state.stop.cls is FailureClass.HANG
    assert store.state.stop.evidence is not None
    assert store.state.stop.evidence["culprits"] == [1]
    record, *stops = store.effects
    assert isinstance(record, Record)
    assert record.kind == "hang.found"
    assert record.data["evidence"]["line"] == "train.py:41 in step"
    assert [stop.how for stop in stops if isinstance(stop, StopTask)] == [How.KILL, How.KILL]


async def test_a_rank_that_does_not_answer_twice_is_at_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hangs, "ANSWERS_WITHIN_S", 0.02)
    store = Store(RUNNING, RUNNING)
    found = doctor(store, Agents())
    found.report("w-0", word(1, WAITS, stalled=True))
    await settled(found)
    assert store.state.stop is None, "its agent may just be busy"
    found.report("w-0", word(1, WAITS, stalled=True))
    await settled(found)
    assert store.state.stop is not None
    assert store.state.stop.message.startswith("rank 1 did not answer")


async def test_both_ranks_complaining_at_once_make_one_case() -> None:
    store, agents = Store(RUNNING, RUNNING), Agents()
    found = doctor(store, agents)
    found.report("w-0", word(1, WAITS, stalled=True))
    found.report("w-1", word(2, SLEEPS, stalled=True))
    await until(lambda: agents.asked)
    found.report("w-1", word(2, SLEEPS))
    await settled(found)
    assert agents.asked == [("w-1", 2)]
    assert [effect.kind for effect in store.effects if isinstance(effect, Record)] == ["hang.found"]


async def test_nothing_is_decided_while_another_rank_gets_on() -> None:
    store, agents = Store(RUNNING, RUNNING), Agents()
    found = doctor(store, agents)
    found.report("w-0", word(1, WAITS, stalled=True))
    await until(lambda: agents.asked)
    found.report("w-1", word(2, SLEEPS, idle_s=1.0))
    await settled(found)
    assert not store.effects
    found.report("w-0", word(1, WAITS, stalled=True))
    await until(lambda: len(agents.asked) == 2)
    found.report("w-1", word(2, SLEEPS))
    await settled(found)
    assert store.effects, "the next word is examined anew"


async def test_the_owner_may_want_the_job_stopped() -> None:
    store = Store(RUNNING, policy={"after": 10, "action": "stop"})
    found = doctor(store, Agents())
    found.report("w-0", word(1, SLEEPS, stalled=True))
    await settled(found)
    assert store.state.failures == store.state.retries


async def test_a_rank_that_has_ended_is_named() -> None:
    store = Store(RUNNING, SUCCEEDED)
    found = doctor(store, Agents())
    found.report("w-0", word(1, WAITS, stalled=True))
    await settled(found)
    assert store.state.stop is not None
    assert store.state.stop.message.startswith("rank 1 has ended")


@pytest.mark.parametrize(
    "case", ["an older lease", "another worker's lease", "no lease", "stopping", "starting", "off", "away"]
)
async def test_what_changes_nothing(case: str) -> None:
    store = Store(
        RUNNING,
        LEASED if case == "starting" else RUNNING,
        policy={"action": "off"} if case == "off" else None,
    )
    if case == "stopping":
        await store.submit(lambda tx, now: hangs.handlers.apply_event(tx, "j-1", hangs_found(), now))
        store.effects.clear()
    if case == "an older lease":
        store.over.add(1)
    agents = Agents("w-1") if case == "away" else Agents()
    found = doctor(store, agents)
    worker = "w-1" if case == "another worker's lease" else "w-0"
    found.report(worker, word(99 if case == "no lease" else 1, WAITS, stalled=True))
    await settled(found)
    assert not store.effects
    assert agents.asked == ([("w-1", 2)] if case == "away" else [])


def hangs_found() -> Any:
    from tensorfleet.jobs.events import HangFound
    from tensorfleet.jobs.model import Failure

    return HangFound(3, Failure(FailureClass.HANG, "found before"))


async def test_a_lease_that_ends_meanwhile_changes_nothing() -> None:
    store, agents = Store(RUNNING, RUNNING), Agents()
    found = doctor(store, agents)
    found.report("w-0", word(1, WAITS, stalled=True))
    await until(lambda: agents.asked)
    store.over.add(1)
    found.report("w-1", word(2, SLEEPS))
    await settled(found)
    assert not store.effects


async def test_an_answer_of_the_wrong_worker_or_one_that_nobody_asked_for_is_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hangs, "ANSWERS_WITHIN_S", 0.05)
    store, agents = Store(RUNNING, RUNNING), Agents()
    found = doctor(store, agents)
    found.report("w-1", word(2, SLEEPS))
    assert not found._work
    found.report("w-0", word(1, WAITS, stalled=True))
    await until(lambda: agents.asked)
    found.report("w-0", word(2, SLEEPS))
    await settled(found)
    assert not store.effects
