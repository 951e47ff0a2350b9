"""The agent: holds leases, runs their tasks, delivers what they leave; goes on when the orchestrator is away."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import structlog

from tensorfleet.adapters.leased import LEASED
from tensorfleet.agent import processes
from tensorfleet.agent.checks import Checks
from tensorfleet.agent.config import AgentConfig
from tensorfleet.agent.door import ANSWER_LIMIT_S, Door
from tensorfleet.agent.keeper import Keeper
from tensorfleet.agent.masking import Mask
from tensorfleet.agent.preflight import machine_of
from tensorfleet.agent.pulses import Pulses
from tensorfleet.agent.spool import Spool, SpooledTask
from tensorfleet.agent.stats import ReservedPorts, machine_resources, machine_stats
from tensorfleet.errors import Unavailable
from tensorfleet.kit.ticks import next_tick, until_next_tick
from tensorfleet.trust.channels import open_aio_channel
from tensorfleet.trust.identity import Credentials, Identity
from tensorfleet.trust.renewing import kept_fresh
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub

LOOK_S, LOOK_IDLE_S = 0.25, 1.0
"""Between two looks at what tasks have written; their ends are told at once."""
WARM_UP_AFTER_S = 3.0
RECONNECT_FIRST_S = 0.05
RECONNECT_MOST_S = 0.25
CONNECT_LIMIT_MS = 2000
"""A machine that is gone answers nothing at all, and another address may be waiting."""
SILENCE_S = 4.0
"""Every heartbeat is answered: a link over which nothing comes for so long is dead, whatever it looks like."""
log = structlog.get_logger()


LEAVE_LOOK_S = 0.5
LEAVE_ALONE_S = 2.0
"""A released agent that holds nothing waits for an orchestrator that is away no longer than this."""


ALONE = 3
"""What an agent's process ends with that gives its place back, as there is no orchestrator."""


class Parted(Exception):
    """This agent has no part in the fleet any more; `code` is what its process ends with."""

    def __init__(self, why: str, code: int = 0) -> None:
        super().__init__(why)
        self.code = code


REFUSED = 1
"""What it ends with when its certificate is revoked: its tasks have been given to others, and end with it."""

Outgoing = asyncio.Queue[pb.AgentMessage | None]
"""Messages for one stream; None ends it."""


class Agent:
    """One per machine.  `run()` works until it is cancelled; tasks then end with it and are found again at the next start."""

    def __init__(self, config: AgentConfig) -> None:
        self._config = config
        self._spool = Spool(config.tasks_dir, config.log_limit_bytes)
        self._ports = ReservedPorts(config.host, 4 * config.slots + 4)
        self._outgoing: Outgoing | None = None
        self._look = asyncio.Event()
        self._heartbeat_s = 1.0
        self._attached = False
        self._first_attached = asyncio.Event()
        self._leaving = asyncio.Event()
        self.worker_id = config.own_name
        self._identity = open_identity(config)
        here = {
            "host": config.host,
            "ports": self._ports.numbers,
            "machine": machine_of(config.host, Path(config.work_dir)),
        }
        self._resources = machine_resources() | config.resources | here
        self._stub: OrchestratorStub | None = None
        leased = config.objects_url == LEASED
        self._door = Door(Path(config.work_dir), self._ask_for_objects) if leased else None
        gpus = len(self._resources["gpus"])
        self._keeper = Keeper(config, self._spool, gpus, self._send, self._look.set, self._door)
        self._pulses = Pulses(self._spool.tasks, self._send, lambda: self._outgoing is not None)
        self._checks = Checks(Path(config.work_dir), config.host, self._send)

    async def run(self) -> int:
        """Until it is cancelled, or has no part in the fleet any more; returns what its process is to end with."""
        code = 0
        processes.kill_marked(Path(self._config.work_dir))
        self._spool.recover()
        self._config.cache_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with kept_fresh(self._identity):
                await self._work()
        except* Parted as parted:
            code = self._parted(parted.exceptions[0])
        finally:
            self._keeper.interrupt_all()
            self._ports.close()
        return code

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._warm_up())
            group.create_task(self._stay_attached())
            group.create_task(self._deliver())
            group.create_task(self._beat())
            group.create_task(self._pulses.run())
            group.create_task(self._part())
            if self._door is not None:
                group.create_task(self._door.run())

    @property
    def attached(self) -> bool:
        return self._outgoing is not None

    @property
    def tasks(self) -> list[SpooledTask]:
        """Those that it holds: running, or not yet delivered."""
        return list(self._spool.tasks.values())

    # ---- the end of it -----------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Ends once nothing runs here and all is delivered: the orchestrator is told, and takes the tasks elsewhere."""
        self._leaving.set()

    async def _part(self) -> None:
        await self._leaving.wait()
        alone_s = 0.0
        # Where there is an orchestrator, it ends the link when it is done with us.
        while self._spool.tasks or alone_s < LEAVE_ALONE_S:
            self._beat_once()
            await asyncio.sleep(LEAVE_LOOK_S)
            alone_s = 0.0 if self._outgoing is not None else alone_s + LEAVE_LOOK_S
        raise Parted("it was released, and the orchestrator is away")

    def _parted(self, why: BaseException) -> int:
        log.info("the agent ends", worker=self.worker_id, why=str(why))
        return why.code if isinstance(why, Parted) else 1

    def _end_alone(self, alone_s: float) -> None:
        limit_s = self._config.alone_s
        if limit_s and alone_s > limit_s and not any(task.running for task in self._spool.tasks.values()):
            raise Parted(f"it has found no orchestrator for {limit_s:g} s", ALONE)

    async def _warm_up(self) -> None:
        """The template's imports keep a core busy for seconds: let a platform that starts now come up first."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WARM_UP_AFTER_S):
                await self._first_attached.wait()
        await self._keeper.run()

    # ---- the link ----------------------------------------------------------------------------------------------------

    async def _stay_attached(self) -> None:
        """Where several orchestrators are named, one leads and the others send us on: each is tried in turn."""
        delay_s = RECONNECT_FIRST_S
        addresses = [address.strip() for address in self._config.orchestrator.split(",")]
        alone_since = asyncio.get_running_loop().time()
        for address in itertools.cycle(addresses):
            try:
                await self._attach(address)
                if self._leaving.is_set() and self._attached and not self._spool.tasks:
                    raise Parted("it was released")
            except (grpc.aio.AioRpcError, TimeoutError) as error:
                if isinstance(error, grpc.aio.AioRpcError) and _is_replaced(error):
                    raise Parted(error.details() or "replaced") from error
                if isinstance(error, grpc.aio.AioRpcError) and _is_refused(error):
                    raise Parted(error.details() or "refused", REFUSED) from error
                if self._attached or delay_s == RECONNECT_FIRST_S:
                    detail = error.details() if isinstance(error, grpc.aio.AioRpcError) else "it says nothing"
                    log.info("the orchestrator is away; tasks go on", address=address, detail=detail)
            if self._attached:
                alone_since = asyncio.get_running_loop().time()
            self._end_alone(asyncio.get_running_loop().time() - alone_since)
            delay_s = RECONNECT_FIRST_S if self._attached else min(RECONNECT_MOST_S, delay_s * 1.3)
            self._attached = False
            await asyncio.sleep(delay_s)

    async def _attach(self, address: str) -> None:
        options = [
            ("grpc.max_receive_message_length", codec.MESSAGE_LIMIT_BYTES),
            ("grpc.keepalive_time_ms", 10_000),
            ("grpc.keepalive_timeout_ms", 5_000),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.min_reconnect_backoff_ms", CONNECT_LIMIT_MS),
        ]
        own = self._identity.current if self._identity is not None else None
        async with open_aio_channel(address, options, own) as channel:
            outgoing: Outgoing = asyncio.Queue()
            name = self._config.name or socket.gethostname()
            hello = codec.hello(self.worker_id, name, self._config.slots, self._resources, self._spool.tasks)
            outgoing.put_nowait(pb.AgentMessage(hello=hello))
            try:
                self._stub = stub = OrchestratorStub(channel)  # type: ignore[no-untyped-call]
                call = stub.Attach(_drain(outgoing), metadata=self._metadata)
                while (message := await _read(call, SILENCE_S)) is not grpc.aio.EOF:
                    self._hear(message, outgoing)
                    if self._identity is not None and self._identity.current is not own:
                        return  # and come back with the next certificate
            finally:
                self._outgoing = self._stub = None
                outgoing.put_nowait(None)

    @property
    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._config.token}"),)

    async def _ask_for_objects(self, lease: int, question: str, data: bytes) -> str:
        if self._stub is None:
            raise Unavailable("the orchestrator is away, which says what this task may read and write")
        asked = pb.ObjectQuestion(lease=lease, question_json=question, data=data)
        answer = await self._stub.AskForObjects(asked, metadata=self._metadata, timeout=ANSWER_LIMIT_S)
        return str(answer.answer_json)

    def _hear(self, message: pb.OrchestratorMessage, outgoing: Outgoing) -> None:
        if message.HasField("welcome"):
            self._settle(message.welcome)
            self._outgoing = outgoing
            self._attached = True
            self._first_attached.set()
            log.info("attached", worker=self.worker_id, held=len(self._spool.tasks))
        elif message.HasField("start"):
            self._keeper.start(message.start)
        elif message.HasField("stop"):
            self._keeper.stop(message.stop.lease, message.stop.how)
        elif message.HasField("taken"):
            self._taken(message.taken)
        elif message.HasField("dump"):
            self._pulses.dump(message.dump.lease)
        elif message.HasField("check"):
            self._checks.check(message.check)
        elif message.HasField("link"):
            self._checks.link(message.link)
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
                self._keeper.kill_now(task)
                self._spool.remove(task)
                continue
            if task.unmaskable and not held.secrets_changed:
                task.hide(Mask(held.secrets))
            for name, offset in (("log", held.log_offset), ("record", held.record_offset)):
                task.streams[name].sent = task.streams[name].taken = offset
            task.reported = False
            if held.over:
                self._keeper.stop(lease)
                task.reported = task.released = True
            elif task.running:
                self._keeper.tell_started(task)

    def _send(self, message: pb.AgentMessage) -> None:
        if self._outgoing is not None:
            self._outgoing.put_nowait(message)

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
            self._beat_once()
            await until_next_tick(self._heartbeat_s)

    def _beat_once(self) -> None:
        stats = machine_stats(Path(self._config.work_dir), self._config.min_free_disk_bytes)
        stats |= {"low_disk": self._keeper.disk.low}
        if self._leaving.is_set():
            stats["leaving"] = True
        self._send(pb.AgentMessage(heartbeat=pb.Heartbeat(stats_json=json.dumps(stats))))

    # ---- delivery ----------------------------------------------------------------------------------------------------

    async def _deliver(self) -> None:
        """Follows the tasks' files and sends what is new; an outcome goes out after all that came before it."""
        while True:
            busy = any(not task.ended for task in self._spool.tasks.values())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(next_tick(LOOK_S if busy else LOOK_IDLE_S)):
                    await self._look.wait()
            self._look.clear()
            for task in list(self._spool.tasks.values()):
                if self._outgoing is not None:
                    self._deliver_task(task, self._outgoing)
                for stream in task.streams.values():
                    stream.give_back()

    def _deliver_task(self, task: SpooledTask, outgoing: Outgoing) -> None:
        left = False
        for name, stream in task.streams.items():
            while data := stream.next_chunk(final=task.ended):
                outgoing.put_nowait(pb.AgentMessage(chunk=_chunk(task, name, stream.sent, data)))
                stream.sent += len(data)
            left = left or stream.sent < min(stream.size, stream.limit)
        if task.ended and not task.reported and not left:
            task.reported = True
            message = pb.TaskOutcome(lease=task.lease, outcome_json=json.dumps(task.told()))
            outgoing.put_nowait(pb.AgentMessage(outcome=message))
        if task.released and task.ended and all(stream.drained for stream in task.streams.values()):
            self._spool.remove(task)


def _chunk(task: SpooledTask, stream: str, start: int, data: bytes) -> pb.Chunk:
    shown = task.shown(stream, data)
    end = 0 if len(shown) == len(data) else start + len(data)
    return pb.Chunk(lease=task.lease, stream=stream, start=start, data=shown, end=end)


async def _read(call: grpc.aio.StreamStreamCall, limit_s: float) -> pb.OrchestratorMessage:
    async with asyncio.timeout(limit_s):
        message: pb.OrchestratorMessage = await call.read()
        return message


async def _drain(queue: Outgoing) -> AsyncIterator[pb.AgentMessage]:
    while (message := await queue.get()) is not None:
        yield message


def _is_replaced(error: grpc.aio.AioRpcError) -> bool:
    """Whether a later agent of the same name has joined: what runs here was given to others."""
    return (error.details() or "").startswith("replaced:")


def _is_refused(error: grpc.aio.AioRpcError) -> bool:
    """Whether an orchestrator says for good that this agent may not come back; an expired certificate may be renewed yet."""
    detail = error.details() or ""
    return error.code() is grpc.StatusCode.UNAUTHENTICATED and detail.endswith("is revoked")


def open_identity(config: AgentConfig) -> Identity | None:
    """Who this agent is to other machines.  What it was given at its start may be older than what it has renewed since."""
    if not config.secured:
        return None
    identity = Identity(Path(config.work_dir))
    found = identity.find()
    given = Credentials(**config.credentials) if config.credentials else None
    if given is not None and (found is None or found.expires_at < given.expires_at):
        identity.save(given)
    return identity
