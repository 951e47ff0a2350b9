"""A simulated agent: the real protocol over a real connection of its own, with tasks that only act."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc

from tensorfleet.testing.simulation.misbehaviour import HONEST, Manners, Misbehaviour
from tensorfleet.testing.simulation.task import SimulatedTask, parse_order, stopped
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub

RECONNECT_FIRST_S, RECONNECT_MOST_S = 0.1, 1.0
_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own, as agents on machines of their own have
    ("grpc.max_receive_message_length", codec.MESSAGE_LIMIT_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
]


def resources(slots: int, gpus_per_slot: int = 0, memory_bytes: int = 0) -> dict[str, Any]:
    """What a simulated machine says that it has."""
    gpu = {"name": "simulated", "memory_bytes": 0}
    ports = list(range(1, 4 * slots + 5))
    return {
        "cpus": slots, "memory_bytes": memory_bytes, "gpus": [gpu] * (slots * gpus_per_slot),
        "host": "127.0.0.1", "ports": ports,
    }  # fmt: skip


@dataclass(frozen=True)
class Identity:
    """Who an agent says it is."""

    worker_id: str
    slots: int
    resources: dict[str, Any]


@dataclass
class Observer:
    """Called as things happen, for those who measure."""

    start: Callable[[SimulatedAgent, SimulatedTask], None] = lambda agent, task: None
    outcome: Callable[[SimulatedAgent, SimulatedTask], None] = lambda agent, task: None


@dataclass
class _Link:
    """One connection's outgoing messages; None ends them."""

    outgoing: asyncio.Queue[pb.AgentMessage | None] = field(default_factory=asyncio.Queue)


class SimulatedAgent:
    """Runs until it is cancelled.  Faults are done to it from outside: `cut`, `fall_silent`, `slow_down`, `crash`."""

    def __init__(
        self,
        identity: Identity,
        address: str,
        token: str,
        misbehaviour: Misbehaviour | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.identity = identity
        self.tasks: dict[int, SimulatedTask] = {}
        self.starts = 0
        self._address = address
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._misbehaviour = misbehaviour or Misbehaviour()
        self._observer = observer or Observer()
        self._manners: dict[int, Manners] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._link: _Link | None = None
        self._call: asyncio.Task[None] | None = None
        self._heartbeat_s = 1.0
        self._awake = asyncio.Event()
        self._awake.set()
        self._delay_s = 0.0
        self._attached = False

    async def run(self) -> None:
        beat = asyncio.create_task(self._beat())
        delay_s = RECONNECT_FIRST_S
        try:
            while True:
                self._call = asyncio.create_task(self._attach())
                await asyncio.wait({self._call})
                error = None if self._call.cancelled() else self._call.exception()
                if error is not None and not isinstance(error, grpc.aio.AioRpcError):
                    raise error
                delay_s = RECONNECT_FIRST_S if self._attached else min(RECONNECT_MOST_S, delay_s * 1.5)
                self._attached = False
                await asyncio.sleep(delay_s)
        finally:
            beat.cancel()
            if self._call is not None:
                self._call.cancel()
            self._forget()

    # ---- faults ------------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Ends the connection; the agent comes back and goes on."""
        if self._call is not None:
            self._call.cancel()

    def crash(self) -> None:
        """Loses its tasks with all that they wrote, and comes back with nothing."""
        self._forget()
        self.cut()

    def fall_silent(self, seconds: float) -> None:
        """Says and hears nothing for a while, as a process under SIGSTOP does."""
        self._awake.clear()
        asyncio.get_running_loop().call_later(seconds, self._awake.set)

    def slow_down(self, seconds: float, delay_s: float) -> None:
        """Sends every message late for a while."""
        self._delay_s = delay_s
        asyncio.get_running_loop().call_later(seconds, self._at_full_speed)

    def _at_full_speed(self) -> None:
        self._delay_s = 0.0

    def _forget(self) -> None:
        for work in self._running.values():
            work.cancel()
        self.tasks.clear()
        self._running.clear()
        self._manners.clear()

    # ---- the link ----------------------------------------------------------------------------------------------------

    async def _attach(self) -> None:
        async with grpc.aio.insecure_channel(self._address, options=_OPTIONS) as channel:
            link = _Link()
            who = self.identity
            hello = codec.hello(who.worker_id, who.worker_id, who.slots, who.resources, self.tasks)
            link.outgoing.put_nowait(pb.AgentMessage(hello=hello))
            stub = OrchestratorStub(channel)  # type: ignore[no-untyped-call]
            try:
                async for message in stub.Attach(self._drain(link), metadata=self._metadata):
                    await self._awake.wait()
                    self._hear(message, link)
            finally:
                self._link = None
                link.outgoing.put_nowait(None)  # gRPC reads to the end of what it is given

    async def _drain(self, link: _Link) -> AsyncIterator[pb.AgentMessage]:
        while (message := await link.outgoing.get()) is not None:
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            await self._awake.wait()
            yield message

    def _hear(self, message: pb.OrchestratorMessage, link: _Link) -> None:
        kind = message.WhichOneof("message")
        if kind == "welcome":
            self._link = link
            self._attached = True
            self._settle(message.welcome)
        elif kind == "start":
            self._start(message.start)
        elif kind == "stop":
            self._stop(message.stop.lease, getattr(message.stop, "how", ""))
        elif kind == "taken":
            task = self.tasks.get(message.taken.lease)
            if task is not None:
                self._taken(task, message.taken.stream, message.taken.next)
        elif kind == "released":
            self._released(message.released.lease)

    def _settle(self, welcome: pb.Welcome) -> None:
        """After a break: goes on where the orchestrator stands; what it never gave is dropped."""
        self._heartbeat_s = welcome.heartbeat_s
        known = {held.lease: held for held in welcome.held}
        for lease, task in list(self.tasks.items()):
            held = known.get(lease)
            if held is None:
                self._drop(lease)
                continue
            for name, offset in (("log", held.log_offset), ("record", held.record_offset)):
                task.outputs[name].sent = task.outputs[name].taken = offset
            task.reported = task.released = False
            if held.over:
                task.stop("kill")
                task.released = True
                task.reported = not self._manners[lease].late_outcome
            elif task.outcome is None:
                self._send(pb.AgentMessage(started=pb.TaskStarted(lease=lease, pid=1)))
            self._deliver(task)

    def _send(self, message: pb.AgentMessage) -> None:
        if self._link is not None:
            self._link.outgoing.put_nowait(message)

    async def _beat(self) -> None:
        while True:
            self._send(pb.AgentMessage(heartbeat=pb.Heartbeat(stats_json="{}")))
            await asyncio.sleep(self._heartbeat_s)

    # ---- tasks -------------------------------------------------------------------------------------------------------

    def _start(self, order: pb.StartTask) -> None:
        if order.lease not in self.tasks:
            task = SimulatedTask(order.lease, parse_order(order.task_json), self._deliver)
            self.tasks[order.lease] = task
            self._manners[order.lease] = self._misbehaviour.manners(task.job_name, task.attempt, task.rank)
            self.starts += 1
            self._observer.start(self, task)
            self._send(pb.AgentMessage(started=pb.TaskStarted(lease=order.lease, pid=1)))
            self._running[order.lease] = asyncio.create_task(task.run())
        elif self.tasks[order.lease].outcome is None:
            self._send(pb.AgentMessage(started=pb.TaskStarted(lease=order.lease, pid=1)))

    def _stop(self, lease: int, how: str) -> None:
        task = self.tasks.get(lease)
        if task is None:  # it never started here; that is said, so that nobody waits for it
            message = pb.TaskOutcome(lease=lease, outcome_json=json.dumps(stopped()))
            self._send(pb.AgentMessage(outcome=message))
        else:
            task.stop(how)

    def _drop(self, lease: int) -> None:
        self.tasks.pop(lease, None)
        self._manners.pop(lease, None)
        work = self._running.pop(lease, None)
        if work is not None:
            work.cancel()

    # ---- delivery ----------------------------------------------------------------------------------------------------

    def _deliver(self, task: SimulatedTask) -> None:
        """Sends what is new; the outcome goes out after all that came before it."""
        if self._link is None or task.lease not in self.tasks:
            return
        manners = self._manners.get(task.lease, HONEST)
        for name, output in task.outputs.items():
            while data := output.unsent():
                self._send_chunk(task, name, output.sent, data, manners)
                output.sent += len(data)
        if task.outcome is not None and not task.reported:
            task.reported = True
            self._observer.outcome(self, task)
            for _ in range(2 if manners.duplicate_outcome else 1):
                self._send_outcome(task)
        self._forget_if_done(task)

    def _send_chunk(
        self, task: SimulatedTask, stream: str, start: int, data: bytes, manners: Manners
    ) -> None:
        pieces = [(start, data)]
        if manners.resend_chunks:
            pieces.append((start, data))
        if manners.overlap_chunks and start:
            pieces.append((start - 1, bytes(task.outputs[stream].data[start - 1 : start]) + data))
        for begin, piece in pieces:
            chunk = pb.Chunk(lease=task.lease, stream=stream, start=begin, data=piece)
            self._send(pb.AgentMessage(chunk=chunk))

    def _send_outcome(self, task: SimulatedTask) -> None:
        message = pb.TaskOutcome(lease=task.lease, outcome_json=json.dumps(task.outcome))
        self._send(pb.AgentMessage(outcome=message))

    def _taken(self, task: SimulatedTask, stream: str, following: int) -> None:
        output = task.outputs[stream]
        output.taken = max(output.taken, following)
        if following > output.sent:
            output.sent = following
        self._forget_if_done(task)

    def _released(self, lease: int) -> None:
        task = self.tasks.get(lease)
        if task is None:
            return
        if self._manners[lease].duplicate_outcome and not task.released:
            self._send_outcome(task)  # once more, when the lease is certainly over
        task.released = True
        self._forget_if_done(task)

    def _forget_if_done(self, task: SimulatedTask) -> None:
        taken = all(output.taken >= len(output.data) for output in task.outputs.values())
        if task.released and task.outcome is not None and taken:
            self._drop(task.lease)
