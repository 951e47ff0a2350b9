"""The orchestrator as a process: engine, agents' sessions and the clockwork around them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog

from tensorfleet.composition import (
    budgets_of,
    health_limits_of,
    health_pace_of,
    limits_of,
    price_book_of,
    running_quotas_of,
    worker_types_of,
)
from tensorfleet.errors import LostLead, StorageFull, TensorFleetError, Unavailable
from tensorfleet.fleet.leadership import SqlLeadership
from tensorfleet.fleet.model import LOST_EVENT, LOW_DISK_EVENT, Worker, WorkerState
from tensorfleet.fleet.ports import Launcher
from tensorfleet.fleet.scaling_store import SqlScalingStore
from tensorfleet.fleet.store import SqlWorkerStore
from tensorfleet.fleet.usage_store import SqlUsage
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.events import DiskLow, Preempted, WorkerLost
from tensorfleet.jobs.ports import Command, HeldTask
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.kit.clock import Clock
from tensorfleet.ledger.store import SqlLedgerStore
from tensorfleet.monitor.wake import wake_monitor
from tensorfleet.orchestrator import handlers
from tensorfleet.orchestrator.board import Board
from tensorfleet.orchestrator.budgets import BudgetWatch
from tensorfleet.orchestrator.engine import Engine
from tensorfleet.orchestrator.handing import Handing, needs
from tensorfleet.orchestrator.hangs import HangDoctor
from tensorfleet.orchestrator.health import INTENTS as ABOUT_HEALTH
from tensorfleet.orchestrator.health import HealthWatch
from tensorfleet.orchestrator.launching import FleetWatch
from tensorfleet.orchestrator.scaler import Scaler
from tensorfleet.orchestrator.service_levels import LOOKS, ObjectiveWatch, UptimeWatch
from tensorfleet.orchestrator.sessions import Session, Sessions
from tensorfleet.orchestrator.spans import assigned
from tensorfleet.orchestrator.sweep import Sweep
from tensorfleet.orchestrator.usage import UsageWatch
from tensorfleet.scheduling.model import Policy
from tensorfleet.secrets.vault import Vault
from tensorfleet.settings import Settings
from tensorfleet.sla.service import ServiceLevels
from tensorfleet.sla.store import SqlMeasurements
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb

TICK_S = 0.5
BEAT_WRITE_S = 2.0
log = structlog.get_logger()


class Orchestrator:
    """Takes in what agents and users say, lets the engine decide, and keeps time (leases, timeouts, back-offs)."""

    def __init__(
        self,
        settings: Settings,
        jobs: SqlJobStore,
        workers: SqlWorkerStore,
        lead: SqlLeadership,
        clock: Clock,
        launcher: Launcher,
        scaling: SqlScalingStore,
        ledger: SqlLedgerStore,
        events: SqlEventLog,
        measured: SqlMeasurements,
        levels: ServiceLevels,
        vault: Vault,
        usage: SqlUsage,
    ) -> None:
        self._settings = settings
        self._workers = workers
        self._lead = lead
        self._clock = clock
        self._woken = asyncio.Event()
        self._beats_written = 0.0
        self._ticked = time.monotonic()
        self.loaded = asyncio.Event()
        self.sessions = Sessions()
        board = Board(Policy(settings.policy), running_quotas_of(settings), settings.grow_after_s)
        self._handing = Handing(vault)
        self._handed: set[asyncio.Task[None]] = set()
        self.engine = Engine(jobs, lead, board, clock, self._deliver, lambda: wake_monitor(settings.run_dir))
        self.hangs = HangDoctor(self.engine, self.sessions)
        self.health = HealthWatch(
            self.engine,
            self.sessions,
            health_limits_of(settings),
            health_pace_of(settings),
            settings.health.answer_s,
            clock,
            automatic=settings.health.enabled,
        )
        fixed = settings.workers if settings.fleet.launcher != "local" else None
        self.watch = FleetWatch(self, launcher, worker_types_of(settings), fixed)
        self.watch.sweep = Sweep(
            launcher,
            settings.autoscale.join_s,
            lambda told: self.engine.call(lambda: scaling.note(clock(), told, lead.check)),
        )
        self.scaler = self._build_scaler(scaling) if settings.autoscale.enabled else None
        self.budgets = self._build_budgets(ledger, events) if settings.budgets else None
        self.uptime = UptimeWatch(self.engine, measured, settings, clock)
        self.usage = UsageWatch(workers, usage, lambda: self.engine.board.waiting, clock)
        self.objectives = ObjectiveWatch(self.engine, levels, events, clock, LOOKS * settings.sla.every_s)

    def _build_budgets(self, ledger: SqlLedgerStore, events: SqlEventLog) -> BudgetWatch:
        book, budgets = price_book_of(self._settings), budgets_of(self._settings)
        return BudgetWatch(self.engine, ledger, events, book, budgets, self._clock)

    def _build_scaler(self, store: SqlScalingStore) -> Scaler:
        settings = self._settings
        ours = settings.autoscale.carried_out_by == "launcher"
        if ours:
            self.watch.fixed = self.watch.sweep = None  # the autoscaler does both
        return Scaler(
            self.engine,
            self.sessions,
            self._workers,
            store,
            self._lead,
            self.watch.launcher if ours else None,
            limits_of(settings),
            self._clock,
            interval_s=settings.autoscale.monitoring_interval,
            silent_s=max(3.0, 3 * settings.heartbeat_s),
        )

    @property
    def board(self) -> Board:
        return self.engine.board

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Loads the fleet from the database, then works until it is cancelled."""
        for worker in await self.engine.call(self._workers.all):
            self._know(worker)
            if worker.state is not WorkerState.LOST:
                self.sessions.expect(worker.id)
        if self.budgets is not None:
            await self.budgets.prepare()
        self.loaded.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.engine.run())
            group.create_task(self._keep_time())
            group.create_task(self._keep_the_lead())
            group.create_task(self.watch.run())
            group.create_task(self.health.run())
            group.create_task(self.uptime.run())
            group.create_task(self.objectives.run())
            group.create_task(self.usage.run())
            if self.scaler is not None:
                group.create_task(self.scaler.run())
            if self.budgets is not None:
                group.create_task(self.budgets.run())

    async def _keep_the_lead(self) -> None:
        while True:
            await asyncio.sleep(self._lead.lease_s / 4)
            try:
                await self.engine.call(self._lead.renew)
            except (Unavailable, StorageFull) as error:
                log.warning(
                    "the lead could not be renewed; nobody else can take it either", detail=error.detail
                )

    async def _keep_time(self) -> None:
        self._woken.set()
        while True:
            try:
                async with asyncio.timeout(TICK_S):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            try:
                await self._tick()
            except LostLead:
                raise
            except TensorFleetError as error:
                log.warning("a tick was lost", detail=error.detail)

    async def _tick(self) -> None:
        intents: list[Command] = await self.engine.submit(handlers.take_intents)
        for intent in intents:
            if intent.kind == "target" and self.scaler is not None:
                self.scaler.hold(intent.data["workers"])
            elif intent.kind in ABOUT_HEALTH:
                await self.health.intend(intent)
            else:
                await self._change_worker(intent)
        if intents:
            await self.engine.submit(lambda tx, now: tx.close_commands(intents, now))
        if time.monotonic() - self._ticked < TICK_S:
            return  # it was only woken
        if time.monotonic() - self._ticked > self._settings.lease_s / 2:
            self.sessions.restart_clocks()
        self._ticked = time.monotonic()
        for worker_id in self.sessions.silent(self._settings.lease_s):
            await self.lose(worker_id, f"it has said nothing for {self._settings.lease_s:g} s")
        if time.monotonic() - self._beats_written >= BEAT_WRITE_S:
            self._beats_written = time.monotonic()
            now = self._clock()
            stats = {worker_id: (now, found) for worker_id, found in self.sessions.stats().items()}
            if stats:
                await self.engine.call(lambda: self._workers.beat(stats))

    async def _change_worker(self, intent: Command) -> None:
        worker_id = intent.ref or ""
        change = {
            "drain": lambda: self._workers.set_state(worker_id, WorkerState.DRAINING),
            "undrain": lambda: self._workers.set_state(worker_id, WorkerState.ONLINE),
            "scale": lambda: self._workers.scale(worker_id, int(intent.data["slots"])),
        }.get(intent.kind)
        worker = self.engine.board.workers.get(worker_id)
        if change is None or worker is None or worker.state is WorkerState.LOST:
            log.info("an intent about a worker came too late", worker=worker_id, intent=intent.kind)
            return
        await self.engine.call(change)
        self._know(await self.engine.call(lambda: self._workers.get(worker_id)))
        if intent.kind == "drain":
            await self._preempt(worker_id, f"worker {worker_id} is being drained")

    async def drain(self, worker_id: str, why: str) -> None:
        """The worker gets no new tasks, and those that it runs save and go back into the queue."""
        await self.engine.call(lambda: self._workers.set_state(worker_id, WorkerState.DRAINING))
        self._know(await self.engine.call(lambda: self._workers.get(worker_id)))
        await self._preempt(worker_id, why)

    async def _preempt(self, worker_id: str, why: str) -> None:
        await self.engine.submit(lambda tx, now: handlers.for_jobs_on(tx, worker_id, Preempted(why), now))

    def _know(self, worker: Worker) -> None:
        self.engine.board.know_worker(worker)

    async def lose(self, worker_id: str, why: str) -> None:
        """The worker's leases are over, and its jobs go on elsewhere; without a reason, it has left in good order."""
        if why:
            log.warning("a worker is lost; its leases are over", worker=worker_id, why=why)
        else:
            log.info("a worker has left", worker=worker_id)
        self.sessions.forget(worker_id)
        await self.engine.call(lambda: self._workers.set_state(worker_id, WorkerState.LOST))
        worker = await self.engine.call(lambda: self._workers.get(worker_id))
        self._know(worker)
        event = WorkerLost(worker_id)
        if why:
            await self.engine.submit(
                lambda tx, now: handlers.about_worker(tx, worker, LOST_EVENT, why, event, now)
            )
        else:
            await self.engine.submit(lambda tx, now: handlers.for_jobs_on(tx, worker_id, event, now))

    # ---- agents ------------------------------------------------------------------------------------------------------

    async def join(self, hello: pb.Hello) -> None:
        worker = await self.engine.call(lambda: self._workers.join(codec.worker_of(hello, self._clock())))
        self._know(worker)
        self.sessions.touch(worker.id)

    async def started(self, worker_id: str, leases: Sequence[int]) -> None:
        """An agent of single calls runs what it says that it holds; on a stream it would say so with a message of its own."""

        def note(tx: Any, now: Any) -> None:
            for token in leases:
                handlers.task_started(tx, worker_id, token, now)

        if leases:
            await self.engine.submit(note)

    async def attach(self, hello: pb.Hello) -> Session:
        """Opens an agent's session: settles what it holds, sends what it has not carried out yet."""
        await self.join(hello)
        session = self.sessions.open(hello.worker_id)

        def settle(tx: Any, now: Any) -> tuple[list[HeldTask], dict[int, list[str] | None]]:
            held = handlers.attach(tx, hello.worker_id, hello.held, now)
            return held, self._handing.masks(tx, (task.token for task in held))

        held, masks = await self.engine.submit(settle)
        session.send(codec.welcome(self._settings.lease_s, self._settings.heartbeat_s, held, masks))
        for message in await self.open_commands(hello.worker_id, session):
            session.send(message)
        self.health.joined(hello.worker_id)
        log.info("agent attached", worker=hello.worker_id, slots=hello.slots, held=len(held))
        return session

    async def open_commands(
        self, worker_id: str, session: Session | None = None
    ) -> list[pb.OrchestratorMessage]:
        """Commands that the agent has not confirmed; from here on new ones go straight to its session."""

        def collect(tx: Any, now: Any) -> list[tuple[Command, dict[str, Any] | None]]:
            if session is not None:
                session.welcomed = True
            orders = tx.open_commands(f"agent:{worker_id}")
            payloads = [tx.payload(order.data["job_id"]) if order.kind == "start" else {} for order in orders]
            return [
                (order, self._handing.fill(tx, order, payload, now))
                for order, payload in zip(orders, payloads, strict=True)
            ]

        orders = await self.engine.submit(collect)
        return [
            codec.command(order, assigned(order, payload)) for order, payload in orders if payload is not None
        ]

    def _deliver(self, order: Command, payload: dict[str, Any]) -> None:
        """A committed command to its agent, if that is here; a start with secrets once these were looked up."""
        if not needs(order, payload):
            self.sessions.deliver(order, payload)
        elif self.sessions.find(order.topic.removeprefix("agent:")) is not None:
            handing = asyncio.create_task(self._hand(order, payload))
            self._handed.add(handing)
            handing.add_done_callback(self._handed.discard)

    async def _hand(self, order: Command, payload: dict[str, Any]) -> None:
        filled = await self.engine.submit(lambda tx, now: self._handing.fill(tx, order, payload, now))
        if filled is not None:
            self.sessions.deliver(order, filled)

    def receive(self, session: Session, message: pb.AgentMessage) -> None:
        """One message of an agent.  Work is queued in the order of arrival; answers follow when it is durable."""
        self.sessions.touch(session.worker_id)
        if message.HasField("heartbeat"):
            session.send(pb.OrchestratorMessage(heard=pb.Heard()))
            self._take_stats(session, codec.mapping(message.heartbeat.stats_json))
        elif message.HasField("started"):
            token = message.started.lease
            self._watch(
                self.engine.submit(lambda tx, now: handlers.task_started(tx, session.worker_id, token, now))
            )
        elif message.HasField("chunk"):
            self._take_chunk(session, message.chunk)
        elif message.HasField("outcome"):
            self._finish(session, message.outcome)
        elif message.HasField("stacks"):
            self.hangs.report(session.worker_id, message.stacks)
        elif message.HasField("health"):
            self.health.answered(session, message.health)
        elif message.HasField("link"):
            self.health.measured(session, message.link)

    def _take_stats(self, session: Session, stats: dict[str, Any]) -> None:
        session.stats = stats
        worker = self.engine.board.workers.get(session.worker_id)
        if worker is not None and stats.get("leaving") and not worker.stats.get("leaving"):
            self._know(replace(worker, stats=stats))
        if worker is None or bool(stats.get("low_disk")) == bool(worker.stats.get("low_disk")):
            return
        self._know(replace(worker, stats=stats))
        if stats.get("low_disk"):
            free_bytes = int(stats.get("disk_free_bytes") or 0)
            log.warning(
                "a worker's disk is nearly full; its jobs are paused", worker=worker.id, free_bytes=free_bytes
            )
            event, why = DiskLow(worker.id, free_bytes), f"{free_bytes // 1024**2} MiB are free"
            self._watch(
                self.engine.submit(
                    lambda tx, now: handlers.about_worker(tx, worker, LOW_DISK_EVENT, why, event, now)
                )
            )
        else:
            self.health.has_room_again(worker)

    def _take_chunk(self, session: Session, chunk: pb.Chunk) -> None:
        def answered(future: asyncio.Future[Any]) -> None:
            taken = None if future.cancelled() or future.exception() else future.result()
            if taken is not None:
                reply = pb.ChunkTaken(lease=chunk.lease, stream=chunk.stream, next=taken)
                session.send(pb.OrchestratorMessage(taken=reply))

        self.take_chunk(chunk, session.worker_id).add_done_callback(answered)

    def take_chunk(self, chunk: pb.Chunk, worker_id: str | None) -> asyncio.Future[Any]:
        """`worker_id`: whose lease it has to be; None for a single call of somebody with the token."""

        def take(tx: Any, now: Any) -> int | None:
            if worker_id is not None and tx.worker_of_lease(chunk.lease) != worker_id:
                return None
            return handlers.take_chunk(tx, chunk.lease, chunk.stream, chunk.start, chunk.data, now, chunk.end)

        return self.engine.submit(take, patient=True)

    def _finish(self, session: Session, message: pb.TaskOutcome) -> None:
        outcome = handlers.parse_outcome(message.outcome_json)

        def answered(future: asyncio.Future[Any]) -> None:
            if not future.cancelled() and future.exception() is None:
                session.send(pb.OrchestratorMessage(released=pb.TaskReleased(lease=message.lease)))

        work = self.engine.submit(
            lambda tx, now: handlers.task_finished(tx, session.worker_id, message.lease, outcome, now)
        )
        work.add_done_callback(answered)

    def _watch(self, future: asyncio.Future[Any]) -> None:
        """Takes note of an error of work that nobody waits for."""
        future.add_done_callback(
            lambda done: (
                done.cancelled()
                or (done.exception() and log.error("work failed", error=str(done.exception())))
            )
        )
