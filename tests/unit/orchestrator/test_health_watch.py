"""When machines are looked at, and what follows for their workers; agents and the engine are played by the test."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.health.model import Limits, Pace
from tensorfleet.jobs.model import NewEvent
from tensorfleet.jobs.ports import Command
from tensorfleet.orchestrator.health import HealthWatch
from tensorfleet.orchestrator.sessions import Session, Sessions
from tensorfleet.wire import tensorfleet_pb2 as pb

NOW = datetime(2026, 3, 4, tzinfo=UTC)
WELL = {"disk": {"write_s": 0.01, "total_bytes": 100, "free_bytes": 50}, "no_gpus": "no GPU"}
FULL = {"disk": {"trouble": "No space left on device (/x)"}, "no_gpus": "no GPU"}


class FakeBoard:
    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}

    def know_worker(self, worker: Worker) -> None:
        self.workers[worker.id] = worker

    def jobs_on(self, worker_ids: list[str]) -> int:
        return 2


class Fleet:
    """Agents that join with sessions of their own, and what the watch has written."""

    def __init__(self, **told: Any) -> None:
        self.board = FakeBoard()
        self.watchers: list[Callable[..., None]] = []
        self.sessions = Sessions()
        self.now = NOW
        self.noted: list[NewEvent] = []
        self.connection = self
        pace = Pace(first_s=10, most_s=100, failures=2)
        self.watch = HealthWatch(
            self,
            self.sessions,
            Limits(),
            pace,
            told.pop("answer_s", 60.0),
            lambda: self.now,
            lambda: self.now,
            **told,
        )  # type: ignore[arg-type]
        self.taken: dict[str, int] = {}

    # ---- as the engine's ---------------------------------------------------------------------------------------------

    def submit(self, work: Callable[[Any, datetime], None]) -> asyncio.Future[None]:
        work(self, self.now)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def execute(self, statement: object) -> None: ...

    def note(self, event: NewEvent) -> None:
        self.noted.append(event)

    # ---- what a test does --------------------------------------------------------------------------------------------

    def join(self, worker_id: str, machine: str = "m-1") -> Session:
        known = self.board.workers.get(worker_id)
        worker = Worker(
            worker_id,
            worker_id,
            WorkerState.ONLINE,
            1,
            {"machine": machine, "host": "10.0.0.1"},
            {},
            NOW,
            NOW,
        )
        self.board.know_worker(replace(worker, health=known.health) if known else worker)
        session = self.sessions.open(worker_id)
        session.welcomed = True
        self.watch.joined(worker_id)
        return session

    async def look(self, after_s: float = 0.0) -> None:
        self.now += timedelta(seconds=after_s)
        await self.watch.look()

    def questions(self, session: Session) -> list[pb.CheckHealth]:
        found = []
        while not session.outgoing.empty():
            message = session.outgoing.get_nowait()
            if message is not None and message.HasField("check"):
                found.append(message.check)
        return found

    async def answer(self, session: Session, measured: dict[str, Any], ahead_s: float = 0.0) -> None:
        (question,) = self.questions(session)
        here = self.now.timestamp() + ahead_s
        report = pb.HealthReport(
            number=question.number, received_at=here, sent_at=here, measured_json=json.dumps(measured)
        )
        self.watch.answered(session, report)
        await self.look()

    def state(self, worker_id: str) -> str:
        return self.board.workers[worker_id].condition.value

    def happens(self, *events: tuple[str, str, dict[str, Any]]) -> None:
        for watch in self.watchers:
            watch([NewEvent(kind, self.now, data, job_id) for kind, job_id, data in events], {})


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


async def test_one_look_for_a_machine_whatever_the_number_of_its_agents(fleet: Fleet) -> None:
    sessions = [fleet.join(f"w-{number}") for number in range(100)]
    await fleet.look()
    await fleet.look()
    asked = [session for session in sessions if not session.outgoing.empty()]
    assert len(asked) == 1
    await fleet.answer(asked[0], WELL)
    assert {worker.health.status for worker in fleet.board.workers.values() if worker.health} == {"ok"}
    late = fleet.join("w-late")
    await fleet.look()
    assert sum(len(fleet.questions(session)) for session in [*sessions, late]) == 0
    health = fleet.board.workers["w-late"].health
    assert health is not None
    assert health.status == "ok", "what is known of its machine holds for it, too"
    await fleet.look(700)
    fleet.join("w-later")
    await fleet.look()
    assert sum(len(fleet.questions(session)) for session in sessions) == 1, "that was long ago"


async def test_an_agent_that_cannot_be_asked_is_left_alone(fleet: Fleet) -> None:
    session = fleet.join("w-old", machine="")
    await fleet.look()
    assert session.outgoing.empty()
    assert fleet.board.workers["w-old"].health is None


async def test_into_quarantine_and_back(fleet: Fleet) -> None:
    first, _ = fleet.join("w-1"), fleet.join("w-2")
    other = fleet.join("w-3", "m-2")
    await fleet.look()
    await fleet.answer(first, FULL)
    await fleet.answer(other, WELL)
    assert [fleet.state(w) for w in ("w-1", "w-2", "w-3")] == ["quarantined", "quarantined", "online"]
    (event,) = fleet.noted
    assert event.kind == "worker.quarantined"
    assert event.data["workers"] == ["w-1", "w-2"]
    assert (event.data["count"], event.data["jobs"], event.job_id) == (2, 2, None)
    assert "No space left on device" in event.data["why"]
    await fleet.look(9)
    assert fleet.questions(first) == []
    await fleet.look(2)
    await fleet.answer(first, WELL)
    assert [fleet.state(w) for w in ("w-1", "w-2")] == ["online", "online"]
    assert [event.kind for event in fleet.noted] == ["worker.quarantined", "worker.released"]


async def test_a_clock_that_is_wrong(fleet: Fleet) -> None:
    session = fleet.join("w-1")
    await fleet.look()
    await fleet.answer(session, WELL, ahead_s=90)
    assert fleet.state("w-1") == "quarantined"
    assert "its clock is 90.000 s ahead" in fleet.noted[0].data["why"]


async def test_room_on_its_disk_is_a_reason_to_look_at_once(fleet: Fleet) -> None:
    session = fleet.join("w-1")
    await fleet.look()
    await fleet.answer(session, FULL)
    await fleet.look(6)
    assert fleet.questions(session) == []
    fleet.watch.has_room_again(fleet.board.workers["w-1"])
    await fleet.look()
    await fleet.answer(session, WELL)
    assert fleet.state("w-1") == "online"


async def test_an_answer_that_nobody_asked_for_is_nothing(fleet: Fleet) -> None:
    session, stranger = fleet.join("w-1"), fleet.join("w-9", "m-9")
    await fleet.look()
    (question,) = fleet.questions(session)
    for sender, number in ((stranger, question.number), (session, 99)):
        fleet.watch.answered(sender, pb.HealthReport(number=number, measured_json=json.dumps(FULL)))
    await fleet.look()
    assert fleet.noted == []


async def test_an_agent_that_speaks_and_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(answer_s=0.0)
    session = fleet.join("w-1")
    await fleet.look()
    assert fleet.questions(session)
    began = time.monotonic()
    while time.monotonic() <= began + 1e-3:
        await asyncio.sleep(0)
    fleet.sessions.touch("w-1")
    await fleet.look()
    assert fleet.state("w-1") == "quarantined"
    assert "its checks have not ended" in fleet.noted[0].data["why"]


async def test_an_agent_that_goes_meanwhile_is_asked_again_when_it_is_back(fleet: Fleet) -> None:
    session = fleet.join("w-1")
    await fleet.look()
    fleet.sessions.leave(session)
    await fleet.look()
    again = fleet.join("w-1")
    await fleet.look()
    assert len(fleet.questions(again)) == 1
    assert fleet.noted == []


async def test_after_a_failure_of_the_machine_it_is_looked_at(fleet: Fleet) -> None:
    session = fleet.join("w-1")
    await fleet.look()
    await fleet.answer(session, WELL)
    ended = {"worker_id": "w-1", "rank": 0, "status": "failed"}
    await fleet.look(6)
    fleet.happens(("task.finished", "j-1", ended | {"class": "user_error"}))
    await fleet.look()
    assert fleet.questions(session) == []
    fleet.happens(("task.finished", "j-1", ended | {"class": "infrastructure"}))
    await fleet.look()
    await fleet.answer(session, WELL)
    await fleet.look(6)
    fleet.happens(("task.started", "j-2", {"worker_id": "w-1"}), ("hang.found", "j-2", {}))
    await fleet.look()
    assert len(fleet.questions(session)) == 1


async def test_jobs_that_fail_there_and_go_well_elsewhere(fleet: Fleet) -> None:
    bad, good = fleet.join("w-bad", "m-bad"), fleet.join("w-good", "m-good")
    await fleet.look()
    for session in (bad, good):
        await fleet.answer(session, WELL)
    for job in ("j-1", "j-2"):
        fleet.happens(
            ("job.started", job, {}),
            ("task.started", job, {"worker_id": "w-bad"}),
            ("task.finished", job, {"worker_id": "w-bad", "status": "failed", "class": "killed"}),
            ("job.started", job, {}),
            ("task.started", job, {"worker_id": "w-good"}),
            ("task.finished", job, {"worker_id": "w-good", "status": "succeeded"}),
            ("job.completed", job, {}),
        )
    await fleet.look()
    assert (fleet.state("w-bad"), fleet.state("w-good")) == ("quarantined", "online")
    assert "2 jobs failed there" in fleet.noted[0].data["why"]


async def test_what_a_person_wants(fleet: Fleet) -> None:
    first, _ = fleet.join("w-1"), fleet.join("w-2")
    await fleet.look()
    await fleet.answer(first, WELL)

    async def intend(kind: str, worker_id: str = "w-1", **data: Any) -> None:
        await fleet.watch.intend(Command(1, "orchestrator", kind, worker_id, data))

    await intend("quarantine", reason="its fan is loud")
    await intend("quarantine", worker_id="w-404")
    assert (fleet.state("w-1"), fleet.state("w-2")) == ("quarantined", "online")
    await intend("check", worker_id="w-2")
    await fleet.look()
    second = fleet.sessions.find("w-2")
    assert second is not None
    await fleet.answer(second, WELL)
    assert fleet.state("w-1") == "quarantined", "a person's lasts until a person ends it"
    await intend("release")
    assert fleet.state("w-1") == "online"
    assert [event.kind for event in fleet.noted] == ["worker.quarantined", "worker.released"]


async def test_it_can_be_switched_off() -> None:
    fleet = Fleet(automatic=False)
    session = fleet.join("w-1")
    fleet.happens(
        ("task.finished", "j-1", {"worker_id": "w-1", "status": "failed", "class": "infrastructure"})
    )
    await fleet.look()
    assert session.outgoing.empty()
    await fleet.watch.intend(Command(1, "orchestrator", "check", "w-1", {}))
    await fleet.look()
    assert len(fleet.questions(session)) == 1


async def test_the_way_between_two_machines_of_a_gang(fleet: Fleet) -> None:
    first, second = fleet.join("w-1", "m-1"), fleet.join("w-2", "m-2")
    await fleet.look()
    for session in (first, second):
        await fleet.answer(session, WELL)
    fleet.happens(
        ("job.started", "j", {}), *(("task.started", "j", {"worker_id": w}) for w in ("w-1", "w-2"))
    )
    await fleet.look()
    listener, visitor = (second, first) if not second.outgoing.empty() else (first, second)
    order = listener.outgoing.get_nowait()
    assert order is not None
    assert (order.link.peer, len(order.link.secret)) == ("", 32)
    for address in ("10.9.9.9:80", "nonsense"):  # not its own: nobody is sent there
        fleet.watch.measured(listener, pb.LinkReport(number=order.link.number, address=address))
    assert visitor.outgoing.empty()
    fleet.watch.measured(listener, pb.LinkReport(number=order.link.number, address="10.0.0.1:4000"))
    sent = visitor.outgoing.get_nowait()
    assert sent is not None
    assert (sent.link.peer, sent.link.secret) == ("10.0.0.1:4000", order.link.secret)
    told = json.dumps({"bytes_s": 1024**2, "round_trip_s": 0.001})
    fleet.watch.measured(listener, pb.LinkReport(number=order.link.number, measured_json=told))
    fleet.watch.measured(visitor, pb.LinkReport(number=order.link.number, measured_json=told))
    await fleet.look()
    for worker_id in ("w-1", "w-2"):
        health = fleet.board.workers[worker_id].health
        assert health is not None
        assert health.status == "degraded"
        assert "1 MiB/s with m-" in health.findings[-1].sentence
    fleet.happens(
        ("job.started", "k", {}), *(("task.started", "k", {"worker_id": w}) for w in ("w-1", "w-2"))
    )
    await fleet.look()
    assert listener.outgoing.empty(), "once is enough"
