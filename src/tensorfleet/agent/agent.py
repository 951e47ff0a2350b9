"""The agent: holds leases, runs their tasks, delivers what they leave; goes on when the orchestrator is away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import structlog

from tensorfleet.agent.config import AgentConfig
from tensorfleet.agent.spool import Spool, SpooledTask
from tensorfleet.agent.stats import ReservedPorts, machine_resources, machine_stats
from tensorfleet.agent.warm import WarmTemplate, task_env
from tensorfleet.kit.files import write_atomic
from tensorfleet.kit.ids import new_id
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub

LOOK_S = 0.1
GRACE_S = 3.0
WARM_UP_AFTER_S = 3.0
RECONNECT_FIRST_S = 0.05
RECONNECT_MOST_S = 0.25
log = structlog.get_logger()


class Agent:
    """One per machine.  `run()` works until it is cancelled; tasks then end with it and are found again at the next start."""

    def __init__(self, config: AgentConfig) -> None:
        self._config = config
        self._spool = Spool(config.tasks_dir, config.log_limit_bytes)
        self._template = WarmTemplate(self._task_started, self._task_exited, self._template_died)
        self._ports = ReservedPorts(config.host, 4 * config.slots + 4)
        self._outgoing: asyncio.Queue[pb.AgentMessage] | None = None
        self._look = asyncio.Event()
        self._heartbeat_s = 1.0
        self._attached = False
        self._first_attached = asyncio.Event()
        self._gpus_taken: dict[int, list[int]] = {}
        self._kills: set[asyncio.Task[None]] = set()
        self.worker_id = _identity(Path(config.work_dir))
        self._resources = machine_resources() | {"host": config.host, "ports": self._ports.numbers}

    async def run(self) -> None:
        self._spool.recover()
        config = self._config
        config.cache_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._warm_up())
                group.create_task(self._stay_attached())
                group.create_task(self._deliver())
                group.create_task(self._beat())
        finally:
            for task in self._spool.tasks.values():
                if not task.ended:
                    self._spool.interrupt(task)
                _signal(task, signal.SIGKILL)
            self._ports.close()

    async def _warm_up(self) -> None:
        """The template's imports keep a core busy for seconds: let a platform that starts now come up first."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WARM_UP_AFTER_S):
                await self._first_attached.wait()
        await self._template.run()

    # ---- the link ----------------------------------------------------------------------------------------------------

    async def _stay_attached(self) -> None:
        delay_s = RECONNECT_FIRST_S
        while True:
            try:
                await self._attach()
            except grpc.aio.AioRpcError as error:
                if self._attached or delay_s == RECONNECT_FIRST_S:
                    log.info(
                        "the orchestrator is away; tasks go on",
                        detail=error.details(),
                        code=error.code().name,
                    )
            delay_s = RECONNECT_FIRST_S if self._attached else min(RECONNECT_MOST_S, delay_s * 1.3)
            self._attached = False
            await asyncio.sleep(delay_s)

    async def _attach(self) -> None:
        options = [
            ("grpc.max_receive_message_length", codec.MESSAGE_LIMIT_BYTES),
            ("grpc.keepalive_time_ms", 10_000),
            ("grpc.keepalive_timeout_ms", 5_000),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ]
        async with grpc.aio.insecure_channel(self._config.orchestrator, options=options) as channel:
            outgoing: asyncio.Queue[pb.AgentMessage] = asyncio.Queue()
            name = self._config.name or socket.gethostname()
            hello = codec.hello(self.worker_id, name, self._config.slots, self._resources, self._spool.tasks)
            outgoing.put_nowait(pb.AgentMessage(hello=hello))
            metadata = (("authorization", f"Bearer {self._config.token}"),)
            try:
                stub = OrchestratorStub(channel)  # type: ignore[no-untyped-call]
                async for message in stub.Attach(_drain(outgoing), metadata=metadata):
                    self._hear(message, outgoing)
            finally:
                self._outgoing = None

    def _hear(self, message: pb.OrchestratorMessage, outgoing: asyncio.Queue[pb.AgentMessage]) -> None:
        if message.HasField("welcome"):
            self._settle(message.welcome)
            self._outgoing = outgoing
            self._attached = True
            self._first_attached.set()
            log.info("attached", worker=self.worker_id, held=len(self._spool.tasks))
        elif message.HasField("start"):
            self._start(message.start)
        elif message.HasField("stop"):
            self._stop(message.stop.lease)
        elif message.HasField("taken"):
            self._taken(message.taken)
        elif message.HasField("released"):
            task = self._spool.tasks.get(message.released.lease)
            if task is not None:
                task.released = True
        self._look.set()

    def _settle(self, welcome: pb.Welcome) -> None:
        """After a break: go on delivering where the orchestrator stands; what it never knew is dropped."""
        self._heartbeat_s = welcome.heartbeat_s
        known = {held.lease: held for held in welcome.held}
        for lease, task in list(self._spool.tasks.items()):
            held = known.get(lease)
            if held is None:
                self._kill_now(task)
                self._spool.remove(task)
                continue
            for name, offset in (("log", held.log_offset), ("record", held.record_offset)):
                task.streams[name].sent = task.streams[name].taken = offset
            task.reported = False
            if held.over:
                self._stop(lease)
                task.reported = task.released = True
            elif task.running:
                self._send(
                    pb.AgentMessage(started=pb.TaskStarted(lease=lease, pid=task.pid or 0)), outgoing=None
                )

    def _send(self, message: pb.AgentMessage, outgoing: asyncio.Queue[pb.AgentMessage] | None = None) -> None:
        target = outgoing or self._outgoing
        if target is not None:
            target.put_nowait(message)

    def _taken(self, taken: pb.ChunkTaken) -> None:
        task = self._spool.tasks.get(taken.lease)
        if task is None or taken.stream not in task.streams:
            return
        stream = task.streams[taken.stream]
        stream.taken = max(stream.taken, taken.next)
        if taken.next > stream.sent:
            stream.sent = taken.next

    async def _beat(self) -> None:
        while True:
            self._send(pb.AgentMessage(heartbeat=pb.Heartbeat(stats_json=json.dumps(machine_stats()))))
            await asyncio.sleep(self._heartbeat_s)

    # ---- tasks -------------------------------------------------------------------------------------------------------

    def _start(self, order: pb.StartTask) -> None:
        known = self._spool.tasks.get(order.lease)
        if known is not None:
            if known.running:
                self._send(pb.AgentMessage(started=pb.TaskStarted(lease=order.lease, pid=known.pid or 0)))
            return
        task = json.loads(order.task_json)
        task |= {"objects_url": self._config.objects_url, "cache_dir": str(self._config.cache_dir.resolve())}
        task["cpus"] = task["spec"]["resources"]["cpus"]
        spooled = self._spool.add(order.lease, task)
        gpus = self._take_gpus(order.lease, int(task["spec"]["resources"]["gpus"]))
        self._template.start(spooled, task_env(task, spooled.directory, gpus))

    def _take_gpus(self, lease: int, count: int) -> list[int]:
        taken = {index for indexes in self._gpus_taken.values() for index in indexes}
        free = [index for index in range(len(self._resources["gpus"])) if index not in taken]
        self._gpus_taken[lease] = free[:count]
        return free[:count]

    def _stop(self, lease: int) -> None:
        """Ends a task, at first politely.  One that never started is reported as stopped all the same."""
        task = self._spool.tasks.get(lease)
        unknown = task is None
        if task is None:
            task = self._spool.add(lease, {})
        task.stopping = True
        if task.running:
            _signal(task, signal.SIGTERM)
            self._kill_later(task)
        elif unknown or self._template.withdraw(lease):
            self._ended(task, None)  # else it is being forked now, and is ended when its number is known

    def _kill_later(self, task: SpooledTask) -> None:
        async def kill() -> None:
            await asyncio.sleep(GRACE_S)
            if not task.ended:
                _signal(task, signal.SIGKILL)

        pending = asyncio.create_task(kill())
        self._kills.add(pending)
        pending.add_done_callback(self._kills.discard)

    def _kill_now(self, task: SpooledTask) -> None:
        task.stopping = True
        self._template.withdraw(task.lease)
        _signal(task, signal.SIGKILL)

    def _task_started(self, lease: int, pid: int) -> None:
        task = self._spool.tasks.get(lease)
        if task is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            return
        self._spool.started(task, pid)
        self._send(pb.AgentMessage(started=pb.TaskStarted(lease=lease, pid=pid)))
        if task.stopping:
            _signal(task, signal.SIGTERM)
            self._kill_later(task)

    def _task_exited(self, lease: int, wait_status: int) -> None:
        task = self._spool.tasks.get(lease)
        if task is not None:
            self._ended(task, wait_status)

    def _template_died(self) -> None:
        for task in self._spool.tasks.values():
            if not task.ended and not self._template.holds_back(task.lease):
                _signal(task, signal.SIGKILL)
                self._ended(task, None)

    def _ended(self, task: SpooledTask, wait_status: int | None) -> None:
        self._spool.conclude(task, wait_status)
        self._gpus_taken.pop(task.lease, None)
        self._look.set()

    # ---- delivery ----------------------------------------------------------------------------------------------------

    async def _deliver(self) -> None:
        """Follows the tasks' files and sends what is new; an outcome goes out after all that came before it."""
        while True:
            busy = any(not task.ended for task in self._spool.tasks.values())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if busy else 1.0):
                    await self._look.wait()
            self._look.clear()
            if self._outgoing is not None:
                for task in list(self._spool.tasks.values()):
                    self._deliver_task(task, self._outgoing)

    def _deliver_task(self, task: SpooledTask, outgoing: asyncio.Queue[pb.AgentMessage]) -> None:
        left = False
        for name, stream in task.streams.items():
            while data := stream.next_chunk(final=task.ended):
                outgoing.put_nowait(
                    pb.AgentMessage(
                        chunk=pb.Chunk(lease=task.lease, stream=name, start=stream.sent, data=data)
                    )
                )
                stream.sent += len(data)
            left = left or (
                stream.path.exists() and stream.sent < min(stream.path.stat().st_size, stream.limit)
            )
        if task.ended and not task.reported and not left:
            task.reported = True
            message = pb.TaskOutcome(lease=task.lease, outcome_json=json.dumps(task.outcome))
            outgoing.put_nowait(pb.AgentMessage(outcome=message))
        if task.released and task.ended and all(stream.drained for stream in task.streams.values()):
            self._spool.remove(task)


async def _drain(queue: asyncio.Queue[pb.AgentMessage]) -> AsyncIterator[pb.AgentMessage]:
    while True:
        yield await queue.get()


def _signal(task: SpooledTask, number: signal.Signals) -> None:
    if task.pid is not None and not task.ended:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(task.pid, number)


def _identity(work_dir: Path) -> str:
    """The name under which this agent is known for life; made at its first start."""
    path = work_dir / "worker-id"
    if not path.exists():
        work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(path, new_id("w").encode())
    return path.read_text().strip()
