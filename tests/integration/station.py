"""A real agent with its templates and tasks, and in the orchestrator's place one end of the wire that a test holds itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil

from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.agent.config import AgentConfig
from tensorfleet.objects.blobs import BlobStore
from tensorfleet.testing.tasks import pack_code
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorServicer, add_OrchestratorServicer_to_server


@dataclass
class Lease:
    """What the agent has told of one task."""

    number: int
    pid: int = 0
    outcome: dict[str, Any] = field(default_factory=dict)
    streams: dict[str, bytes] = field(default_factory=lambda: {"log": b"", "record": b""})

    @property
    def log(self) -> str:
        return self.streams["log"].decode()


class Station(OrchestratorServicer):  # type: ignore[misc]
    """Takes all that the agent delivers, as the orchestrator does, and sends what a test wants sent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix:{folder}/station.sock"
        self.leases: dict[int, Lease] = {}
        self.stats: list[dict[str, Any]] = []
        self.attached = 0
        self._orders: asyncio.Queue[pb.OrchestratorMessage] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._objects = f"file://{folder}/objects"
        self.agent: subprocess.Popen[bytes] | None = None

    # ---- the wire ----------------------------------------------------------------------------------------------------

    async def Attach(self, messages: Any, context: Any) -> AsyncIterator[pb.OrchestratorMessage]:  # noqa: N802
        hello = (await anext(aiter(messages))).hello
        orders = self._orders = asyncio.Queue()
        held = [self._held(number) for number in hello.held if number in self.leases]
        yield pb.OrchestratorMessage(welcome=pb.Welcome(lease_s=8, heartbeat_s=0.2, held=held))
        self.attached += 1
        self._tell()
        listening = asyncio.create_task(self._listen(messages))
        try:
            while True:
                try:
                    yield await asyncio.wait_for(orders.get(), 1.0)
                except TimeoutError:  # an agent leaves one that says nothing
                    yield pb.OrchestratorMessage(taken=pb.ChunkTaken())
        finally:
            listening.cancel()

    def _held(self, number: int) -> pb.HeldLease:
        streams = self.leases[number].streams
        return pb.HeldLease(
            lease=number, log_offset=len(streams["log"]), record_offset=len(streams["record"])
        )

    async def _listen(self, messages: Any) -> None:
        with suppress(asyncio.CancelledError, grpc.RpcError, StopAsyncIteration):
            async for message in messages:
                self._take(message)
                self._tell()

    def _take(self, message: pb.AgentMessage) -> None:
        if message.HasField("heartbeat"):
            self.stats.append(json.loads(message.heartbeat.stats_json))
        elif message.HasField("started"):
            self.leases[message.started.lease].pid = message.started.pid
        elif message.HasField("chunk"):
            chunk = message.chunk
            lease = self.leases[chunk.lease]
            if chunk.start == len(lease.streams[chunk.stream]):
                lease.streams[chunk.stream] += chunk.data
            taken = len(lease.streams[chunk.stream])
            answer = pb.ChunkTaken(lease=chunk.lease, stream=chunk.stream, next=taken)
            self._orders.put_nowait(pb.OrchestratorMessage(taken=answer))
        elif message.HasField("outcome"):
            self.leases[message.outcome.lease].outcome = json.loads(message.outcome.outcome_json)

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # ---- what a test does --------------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], object], what: str, timeout_s: float = 60.0) -> Any:
        """Waits until the condition holds; looks at every message, and a few times a second."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not (found := condition()):
            assert asyncio.get_running_loop().time() < deadline, f"not within {timeout_s:.0f} s: {what}"
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), 0.05)
        return found

    def submit(self, code: str | None = None, rank: int = 0, memory: int = 0, **spec: Any) -> Lease:
        """Orders one task: own code, or what the job file's fields say."""
        lease = self.leases[len(self.leases) + 1] = Lease(len(self.leases) + 1)
        if code is not None:
            spec["entrypoint"] = "main.py"
        resources = {"cpus": 1, "gpus": 0, "memory": memory, "workers": 1}
        task = {
            "job_id": f"j-{lease.number}",
            "job_name": "test",
            "attempt": 1,
            "rank": rank,
            "world_size": 1,
            "local_rank": 0,
            "local_world_size": 1,
            "master_addr": "127.0.0.1",
            "master_port": 1,
            "spec": {"name": "test", "kind": "train", "seed": 7, "resources": resources, **spec},
            "dataset": None,
            "code": None if code is None else {"digest": self._pack(code)},
            "checkpoint": None,
        }
        start = pb.StartTask(lease=lease.number, rank=rank, task_json=json.dumps(task))
        self._orders.put_nowait(pb.OrchestratorMessage(start=start))
        return lease

    def _pack(self, code: str) -> str:
        packed = pack_code({"main.py": code})
        assert packed is not None
        return BlobStore(open_object_store(self._objects)).put_stream([packed]).digest

    def stop(self, lease: Lease, how: str) -> None:
        stop = pb.StopTask(lease=lease.number, reason="test", how=how)
        self._orders.put_nowait(pb.OrchestratorMessage(stop=stop))

    async def ended(self, lease: Lease, timeout_s: float = 60.0) -> dict[str, Any]:
        await self.until(lambda: lease.outcome, f"the end of the task; its log: {lease.log}", timeout_s)
        return lease.outcome

    async def says(self, lease: Lease, text: str) -> None:
        def said() -> bool:
            assert not lease.outcome, f"ended without saying '{text}': {lease.outcome}, {lease.log}"
            return text in lease.log

        await self.until(said, f"'{text}' in the log")

    # ---- the agent ---------------------------------------------------------------------------------------------------

    @property
    def work_dir(self) -> Path:
        return self.folder / "agent"

    def task_dir(self, lease: Lease) -> Path:
        return self.work_dir / "tasks" / str(lease.number)

    async def start_agent(self, *wrapper: str, **config: Any) -> None:
        """Starts a real agent and waits until it is attached."""
        values: dict[str, Any] = {"orchestrator": self.address, "token": "t", "slots": 4}
        values |= {"work_dir": str(self.work_dir), "objects_url": self._objects, "save_grace_s": 8.0}
        before = self.attached
        text = AgentConfig(**values | config).to_json()
        env = {**os.environ, "TENSORFLEET_AGENT_CONFIG": text}
        with (self.folder / "agent.log").open("ab") as output:
            self.agent = subprocess.Popen(
                [*wrapper, sys.executable, "-m", "tensorfleet.agent"], env=env, stdout=output, stderr=output
            )
        await self.until(lambda: self.attached > before, "an attached agent")

    def kill_agent(self) -> None:
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait(10)

    def template(self, name: str) -> psutil.Process | None:
        """The process of a template: `tf-template` or `tf-torch`."""
        assert self.agent is not None
        for process in psutil.Process(self.agent.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if process.name() == name and process.status() != psutil.STATUS_ZOMBIE:
                    return process
        return None

    async def close(self) -> None:
        if self.agent is None:
            return
        family = [psutil.Process(self.agent.pid)] if self.agent.poll() is None else []
        family += [child for process in family for child in process.children(recursive=True)]
        self.agent.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self.agent.wait, 20)
        _, alive = await asyncio.to_thread(psutil.wait_procs, family, 10)
        assert not alive, f"left running: {alive}"


@asynccontextmanager
async def open_station(folder: Path) -> AsyncIterator[Station]:
    """A station that listens; whatever agent it has started is gone at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", codec.MESSAGE_LIMIT_BYTES)])
    station = Station(folder)
    add_OrchestratorServicer_to_server(station, server)
    server.add_insecure_port(station.address)
    await server.start()
    try:
        yield station
    finally:
        await station.close()
        await server.stop(None)
