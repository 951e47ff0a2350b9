"""Has machines looked at when their agents join and after failures, and keeps work away from those that are not well.

One look for each machine, however many agents it has, beside all else: nobody who joins and no job waits for it.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from tensorfleet.errors import LostLead, TensorFleetError
from tensorfleet.fleet.model import QUARANTINED_EVENT, RELEASED_EVENT, Worker, WorkerState
from tensorfleet.fleet.store import write_health
from tensorfleet.health import record
from tensorfleet.health.model import ClockReading, Limits, Link, Pace, Verdict, measured_of
from tensorfleet.health.record import Health
from tensorfleet.health.verdict import judge, judge_links, unanswered
from tensorfleet.jobs.model import NewEvent
from tensorfleet.jobs.ports import Command
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.orchestrator.attempts import Attempts
from tensorfleet.orchestrator.engine import Engine
from tensorfleet.orchestrator.meetings import Meetings
from tensorfleet.orchestrator.sessions import Session, Sessions
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb

LOOK_S = 1.0
AT_ONCE = 32
AGAIN_S = 5.0
"""A machine on which many tasks fail is not looked at more often than this."""
PEERS = 2
"""To so many others a machine is measured when a person asks."""
MOST_NAMED = 50
INTENTS = ("quarantine", "release", "check")
log = structlog.get_logger()


@dataclass
class _Question:
    number: int
    session: Session
    asked: float
    began: float


class HealthWatch:
    """`clock` is that of the leases; the agents' clocks are compared with `wall`, the time of day.

    Without `automatic` machines are looked at when a person asks, and as long as they are in quarantine.
    """

    def __init__(
        self,
        engine: Engine,
        sessions: Sessions,
        limits: Limits,
        pace: Pace,
        answer_s: float,
        clock: Clock,
        wall: Clock = utc_now,
        *,
        automatic: bool = True,
    ) -> None:
        self._engine = engine
        self._sessions = sessions
        self._limits = limits
        self._pace = pace
        self._answer_s = answer_s
        self._clock = clock
        self._wall = wall
        self._automatic = automatic
        self._numbers = itertools.count(1)
        self._asked: dict[str, _Question] = {}
        self._wanted: dict[str, str] = {}
        """Machines that are to be looked at now, and by which of their agents, if that matters."""
        self._joined: set[str] = set()
        self._verdicts: list[tuple[str, Verdict]] = []
        self._links: list[Link] = []
        self._woken = asyncio.Event()
        self._attempts = Attempts(pace, self._machine_of, self._want)
        self._meetings = Meetings(engine.board, sessions)
        engine.watchers.append(self._follow)

    @property
    def _workers(self) -> dict[str, Worker]:
        return self._engine.board.workers

    def _machine_of(self, worker_id: str) -> str:
        worker = self._workers.get(worker_id)
        return worker.machine if worker is not None else ""

    async def run(self) -> None:
        """Looks until it is cancelled.

        Raises:
            LostLead: another orchestrator has taken over.
        """
        while True:
            try:
                await self.look()
            except LostLead:
                raise
            except TensorFleetError as error:
                log.warning("the health of machines could not be looked after", detail=error.detail)
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()

    # ---- what happens -----------------------------------------------------------------------------------------------

    def joined(self, worker_id: str) -> None:
        machine = self._machine_of(worker_id)
        if machine and self._automatic:
            self._joined.add(machine)

    def has_room_again(self, worker: Worker) -> None:
        """Its disk is not low any more."""
        if worker.quarantine is not None:
            self._want(worker.machine)

    def _want(self, machine: str, worker_id: str = "") -> None:
        if machine:
            self._wanted[machine] = worker_id or self._wanted.get(machine, "")
            self._woken.set()

    def _follow(self, events: Sequence[NewEvent], submitted: Mapping[str, datetime]) -> None:
        if not self._automatic:
            return
        self._attempts.follow(events)
        for event in events:
            if event.kind == "task.started" and event.job_id is not None:
                self._meet_in_gang(event.job_id)

    def _meet_in_gang(self, job_id: str) -> None:
        first, *others = sorted(self._attempts.machines_of(job_id) - {""}) or [""]
        for other in others[:PEERS]:
            self._meetings.want(other, first)

    def answered(self, session: Session, report: pb.HealthReport) -> None:
        """An agent has looked at its machine."""
        back = self._wall().timestamp()
        machine = self._machine_of(session.worker_id)
        question = self._asked.get(machine)
        if question is None or question.session is not session or question.number != report.number:
            return
        del self._asked[machine]
        clock = ClockReading(question.asked, report.received_at, report.sent_at, back)
        offered = self._workers[session.worker_id].resources.get("memory_bytes")
        found = measured_of(
            codec.mapping(report.measured_json), clock, offered if isinstance(offered, int) else None
        )
        self._verdicts.append((machine, judge(found, self._limits)))
        self._woken.set()

    def measured(self, session: Session, report: pb.LinkReport) -> None:
        link = self._meetings.take(session.worker_id, report)
        if link is not None:
            self._links.append(link)
            self._woken.set()

    async def intend(self, intent: Command) -> None:
        """What a person wants of a worker."""
        worker = self._workers.get(intent.ref or "")
        if worker is None:
            return
        known = record.on_machine(worker.health, worker.machine)
        if intent.kind == "quarantine":
            reason = str(intent.data.get("reason") or "a person has put it there")
            await self._write({worker.id: record.held_by_person(known, reason, self._clock())})
        elif intent.kind == "release":
            freed = [worker, *(w for w in self._siblings(worker.machine) if not _kept_by_person(w))]
            await self._write({w.id: record.released(w.health) for w in freed if w.health is not None})
            self._attempts.marks.forgive(worker.machine)
        else:
            self._want(worker.machine, worker.id)
            for other in sorted(self._agents().keys() - {worker.machine})[:PEERS]:
                self._meetings.want(other, worker.machine, again=True)

    # ---- looking ----------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Takes in what has come, and asks where it is time to."""
        now = self._clock()
        self._give_up()
        verdicts, self._verdicts = self._verdicts, []
        for machine, verdict in verdicts:
            await self._settle(machine, verdict, now)
        agents = self._agents()
        self._meetings.forget(frozenset(worker.machine for worker in self._workers.values()))
        links, self._links = [*self._links, *self._meetings.look(agents)], []
        for machine in sorted({end for link in links for end in (link.here, link.there)}):
            await self._settle(machine, None, now)
        for machine, reason in self._attempts.marks.bad(now).items():
            await self._condemn(machine, reason, now)
        await self._write(self._shared())
        for machine in self._due(agents, now)[:AT_ONCE]:
            self._ask(machine, agents[machine])

    def _agents(self) -> dict[str, str]:
        """For each machine an agent that is here."""
        found: dict[str, str] = {}
        for worker in self._workers.values():
            if worker.machine and self._sessions.find(worker.id) is not None:
                found.setdefault(worker.machine, worker.id)
        return found

    def _siblings(self, machine: str) -> list[Worker]:
        """The workers of a machine; one that has no name is nobody's."""
        return [w for w in self._workers.values() if machine and w.machine == machine]

    def _due(self, agents: Mapping[str, str], now: datetime) -> list[str]:
        fresh = timedelta(seconds=self._pace.fresh_s)
        newest: dict[str, datetime] = {}
        again: set[str] = set()
        for worker in self._workers.values():
            known = record.on_machine(worker.health, worker.machine)
            if known.checked_at is not None:
                newest[worker.machine] = max(newest.get(worker.machine, known.checked_at), known.checked_at)
            due_at = known.quarantine.next_check_at if known.quarantine is not None else None
            if due_at is not None and due_at <= now:
                again.add(worker.machine)
        joined = {m for m in self._joined if m not in newest or now - newest[m] > fresh}
        self._joined -= agents.keys()
        soon = {
            m
            for m, by in self._wanted.items()
            if by or m not in newest or (now - newest[m]).total_seconds() > AGAIN_S
        }
        return sorted(((joined | soon | again) & agents.keys()) - self._asked.keys())

    def _ask(self, machine: str, agent: str) -> None:
        wanted = self._wanted.pop(machine, "")
        session = self._sessions.find(wanted) or self._sessions.find(agent)
        if session is None:
            self._wanted[machine] = ""
            return
        for link in self._meetings.about(machine):
            if link.bytes_s is None and machine in (link.here, link.there):
                self._meetings.want(link.here, link.there, again=True)
        question = _Question(next(self._numbers), session, self._wall().timestamp(), time.monotonic())
        self._asked[machine] = question
        check = pb.CheckHealth(number=question.number, sent_at=question.asked)
        session.send(pb.OrchestratorMessage(check=check))

    def _give_up(self) -> None:
        """A question is over when its agent has gone; one that stays and does not answer has."""
        for machine, question in list(self._asked.items()):
            worker_id = question.session.worker_id
            if self._sessions.find(worker_id) is not question.session:
                del self._asked[machine]
                self._want(machine)
            elif time.monotonic() - question.began > self._answer_s:
                del self._asked[machine]
                if self._sessions.heard_since(worker_id, question.began + self._answer_s / 2):
                    self._verdicts.append((machine, unanswered(self._answer_s)))

    # ---- what follows -----------------------------------------------------------------------------------------------

    async def _settle(self, machine: str, verdict: Verdict | None, now: datetime) -> None:
        """A new verdict, or (None) news of its links, for all workers of the machine."""
        links = judge_links(machine, self._meetings.about(machine), self._limits)
        changes = {}
        for worker in self._siblings(machine):
            known = record.on_machine(worker.health, machine)
            if verdict is None and known.checked_at is None:
                continue
            base = verdict or Verdict(known.findings, known.skipped)
            own = tuple(one for one in base.findings if one.check != "link")
            found = Verdict((*own, *links), base.skipped)
            after = record.after_check(known, machine, found, now, self._pace)
            changes[worker.id] = after if verdict is not None else replace(after, checked_at=known.checked_at)
        await self._write(changes)

    async def _condemn(self, machine: str, reason: str, now: datetime) -> None:
        known = {w.id: record.on_machine(w.health, machine) for w in self._siblings(machine)}
        await self._write(
            {w: record.after_failures(one, machine, reason, now, self._pace) for w, one in known.items()}
        )
        self._want(machine)

    def _shared(self) -> dict[str, Health]:
        """What is known of a machine holds for those of its workers, too, that have joined since."""
        newest: dict[str, Health] = {}
        bare: list[Worker] = []
        for worker in self._workers.values():
            known = record.on_machine(worker.health, worker.machine)
            if known.checked_at is None and worker.machine and known.quarantine is None:
                bare.append(worker)
            elif known.checked_at is not None and not _kept_by_person(worker):
                before = newest.get(worker.machine)
                if before is None or known.checked_at > (before.checked_at or known.checked_at):
                    newest[worker.machine] = known
        return {worker.id: newest[worker.machine] for worker in bare if worker.machine in newest}

    async def _write(self, found: Mapping[str, Health]) -> None:
        """Stores what has changed, with the entries of the log, and has the scheduler know."""
        changes = {w: health for w, health in found.items() if self._workers[w].health != health}
        if not changes:
            return
        events = list(self._events(changes))

        def write(tx: Any, now: datetime) -> None:
            write_health(tx.connection, changes)
            for kind, data in events:
                tx.note(NewEvent(kind, now, data))

        await self._engine.submit(write)
        for worker_id, health in changes.items():
            worker = self._workers.get(worker_id)
            if worker is not None:
                self._engine.board.know_worker(replace(worker, health=health))
        for kind, data in events:
            log.warning(kind.replace(".", " is "), workers=data["workers"], why=data["why"])

    def _events(self, changes: Mapping[str, Health]) -> Iterable[tuple[str, dict[str, Any]]]:
        """One for all workers of a machine that go into quarantine, or leave it, together."""
        groups: dict[tuple[str, str, str], list[Worker]] = {}
        for worker_id, health in changes.items():
            worker = self._workers[worker_id]
            before, after = worker.quarantine, health.quarantine
            if (before is None) != (after is None):
                told = after or before
                assert told is not None
                kind = QUARANTINED_EVENT if after is not None else RELEASED_EVENT
                groups.setdefault((kind, worker.machine, told.reason), []).append(worker)
        for (kind, machine, reason), members in groups.items():
            ids = [worker.id for worker in members if worker.state is not WorkerState.LOST] or [members[0].id]
            about = {"worker": members[0].id, "name": members[0].name, "machine": machine, "why": reason}
            more = {"workers": ids[:MOST_NAMED], "count": len(ids)}
            yield kind, about | more | {"jobs": self._engine.board.jobs_on(ids)}


def _kept_by_person(worker: Worker) -> bool:
    return worker.quarantine is not None and worker.quarantine.by is record.By.OPERATOR
