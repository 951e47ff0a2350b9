"""From an agent's word that a task stands still to a verdict on the job: asks all of its ranks, and decides once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from tensorfleet.errors import IllegalTransition, NotFound, TensorFleetError
from tensorfleet.jobs.events import HangFound
from tensorfleet.jobs.hangs import Verdict, diagnose
from tensorfleet.jobs.model import Failure, FailureClass, TaskStatus
from tensorfleet.jobs.stacks import Report, read_report
from tensorfleet.jobs.transaction import SqlJobTransaction
from tensorfleet.orchestrator import handlers
from tensorfleet.orchestrator.engine import Engine
from tensorfleet.orchestrator.sessions import Sessions
from tensorfleet.wire import tensorfleet_pb2 as pb

ANSWERS_WITHIN_S = 3.0
log = structlog.get_logger()


@dataclass(frozen=True)
class Gang:
    """The live ranks of the attempt that a reporting lease belongs to."""

    job_id: str
    attempt: int
    restart: bool
    ranks: dict[int, tuple[int, str]]
    """By lease: rank and worker."""
    ended: tuple[int, ...]


@dataclass
class _Case:
    gang: Gang
    reports: dict[int, Report] = field(default_factory=dict)
    complete: asyncio.Event = field(default_factory=asyncio.Event)


class HangDoctor:
    """At most one case per job at a time.  A verdict that cannot be given yet is given at the next word of an agent."""

    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self._engine = engine
        self._sessions = sessions
        self._cases: dict[str, _Case] = {}
        self._asked: dict[int, _Case] = {}
        self._mute: dict[str, int] = {}
        """By job: the attempt of which some rank did not answer last time."""
        self._work: set[asyncio.Task[None]] = set()

    def report(self, worker_id: str, message: pb.TaskStacks) -> None:
        """Takes in what an agent says of one of its tasks, of itself or because it was asked."""
        case = self._asked.get(message.lease)
        if case is not None:
            self._add(case, worker_id, message)
        elif message.stalled:
            work = asyncio.create_task(self._examine(worker_id, message))
            self._work.add(work)
            work.add_done_callback(self._work.discard)

    def _add(self, case: _Case, worker_id: str, message: pb.TaskStacks) -> None:
        rank, owner = case.gang.ranks[message.lease]
        if owner != worker_id:
            return
        case.reports[message.lease] = read_report(
            rank,
            beats=message.beats,
            step=message.step,
            idle_s=message.idle_s,
            usual_s=message.usual_s,
            stacks_json=message.stacks_json,
        )
        if case.reports.keys() == case.gang.ranks.keys():
            case.complete.set()

    async def _examine(self, worker_id: str, message: pb.TaskStacks) -> None:
        try:
            await self._judge(worker_id, message)
        except TensorFleetError as error:
            log.warning("a task that stands still could not be examined", detail=error.detail)

    async def _judge(self, worker_id: str, message: pb.TaskStacks) -> None:
        gang: Gang | None = await self._engine.submit(_asks_for(worker_id, message.lease))
        if gang is None or gang.job_id in self._cases:
            return
        case = self._cases[gang.job_id] = _Case(gang)
        self._asked |= dict.fromkeys(gang.ranks, case)
        try:
            self._add(case, worker_id, message)
            if self._ask_the_others(case):
                verdict = await self._verdict(case)
                if verdict is not None:
                    await self._engine.submit(_applies(gang, worker_id, message.lease, verdict))
        finally:
            del self._cases[gang.job_id]
            for lease in gang.ranks:
                self._asked.pop(lease, None)

    def _ask_the_others(self, case: _Case) -> bool:
        """False when an agent is away: it comes back, or its leases end; either way this is no time to judge."""
        others = [
            (lease, worker) for lease, (_, worker) in case.gang.ranks.items() if lease not in case.reports
        ]
        return all(
            self._sessions.tell(worker, pb.OrchestratorMessage(dump=pb.DumpStacks(lease=lease)))
            for lease, worker in others
        )

    async def _verdict(self, case: _Case) -> Verdict | None:
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                await case.complete.wait()
        except TimeoutError:
            log.info("not every agent has said where its task stands", job=case.gang.job_id)
        gang = case.gang
        silent = [rank for lease, (rank, _) in gang.ranks.items() if lease not in case.reports]
        known_mute = self._mute.pop(gang.job_id, None) == gang.attempt
        if silent and not known_mute:
            self._mute[gang.job_id] = gang.attempt  # a busy agent may need longer: it is asked once more
            return None
        reports = list(case.reports.values())
        verdict = diagnose(reports, silent=silent, ended=gang.ended)
        log.info(
            "a job makes no progress",
            job=gang.job_id,
            verdict=verdict.message if verdict else "not yet clear",
        )
        return verdict


def _asks_for(worker_id: str, lease: int) -> Callable[[SqlJobTransaction, datetime], Gang | None]:
    return lambda tx, now: find_gang(tx, worker_id, lease)


def find_gang(tx: SqlJobTransaction, worker_id: str, lease: int) -> Gang | None:
    """Who runs the job of a lease; None when there is nothing to examine.

    That is so for a lease that is not in force, for an attempt that is being stopped, and while a rank has not started yet: then
    the others wait for it, as they should.
    """
    job_id = tx.job_of_lease(lease)
    if job_id is None or not tx.in_force(worker_id, lease):
        return None
    state = tx.load(job_id)
    waiting = any(task.status is TaskStatus.LEASED for task in state.tasks)
    if state.stop is not None or waiting:
        return None
    policy: dict[str, Any] = tx.payload(job_id)["spec"].get("hang") or {}
    if policy.get("action") == "off":
        return None
    ranks = {task.lease.token: (task.lease.rank, task.lease.worker_id) for task in state.live_tasks}
    ended = tuple(task.lease.rank for task in state.tasks if not task.status.live)
    return Gang(job_id, state.attempt, policy.get("action") != "stop", ranks, ended)


def _applies(
    gang: Gang, worker_id: str, lease: int, verdict: Verdict
) -> Callable[[SqlJobTransaction, datetime], None]:
    return lambda tx, now: apply_verdict(tx, gang, worker_id, lease, verdict, now)


def apply_verdict(
    tx: SqlJobTransaction, gang: Gang, worker_id: str, lease: int, verdict: Verdict, now: datetime
) -> None:
    """Has the attempt stopped, if it still runs under the lease that was complained of."""
    if not tx.in_force(worker_id, lease):
        return
    failure = Failure(FailureClass.HANG, verdict.message, evidence=verdict.evidence)
    try:
        handlers.apply_event(tx, gang.job_id, HangFound(gang.attempt, failure, gang.restart), now)
    except (IllegalTransition, NotFound) as error:
        log.info("a verdict came too late", job=gang.job_id, detail=error.detail)
