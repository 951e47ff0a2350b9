"""The agents that are connected now, and what is on its way to each."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tensorfleet.jobs.ports import Command
from tensorfleet.orchestrator.spans import assigned
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb


class Session:
    """One agent's stream.  `seen` is the monotonic time of its last message."""

    def __init__(self, worker_id: str) -> None:
        self.worker_id = worker_id
        self.outgoing: asyncio.Queue[pb.OrchestratorMessage | None] = asyncio.Queue()
        self.seen = time.monotonic()
        self.stats: dict[str, Any] = {}
        self.welcomed = False

    def send(self, message: pb.OrchestratorMessage) -> None:
        self.outgoing.put_nowait(message)

    def close(self) -> None:
        self.outgoing.put_nowait(None)


class Sessions:
    """At most one session a worker: a new one replaces the old, which may be a connection that only looks alive."""

    def __init__(self) -> None:
        self._by_worker: dict[str, Session] = {}
        self._last_seen: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._by_worker)

    def open(self, worker_id: str) -> Session:
        self.close(worker_id)
        session = self._by_worker[worker_id] = Session(worker_id)
        self._last_seen[worker_id] = session.seen
        return session

    def find(self, worker_id: str) -> Session | None:
        """The session of an agent that is here and has been welcomed."""
        session = self._by_worker.get(worker_id)
        return session if session is not None and session.welcomed else None

    def leave(self, session: Session) -> None:
        if self._by_worker.get(session.worker_id) is session:
            del self._by_worker[session.worker_id]

    def close(self, worker_id: str) -> None:
        session = self._by_worker.pop(worker_id, None)
        if session is not None:
            session.close()

    def touch(self, worker_id: str) -> None:
        self._last_seen[worker_id] = time.monotonic()

    def heard_since(self, worker_id: str, instant: float) -> bool:
        return self._last_seen.get(worker_id, instant) > instant

    def expect(self, worker_id: str) -> None:
        """A worker known from the database: it has one lease time to come back before it counts as silent."""
        self._last_seen.setdefault(worker_id, time.monotonic())

    def restart_clocks(self) -> None:
        """After this process itself stood still: what its workers said meanwhile has still to be read."""
        now = time.monotonic()
        self._last_seen = dict.fromkeys(self._last_seen, now)

    def silent(self, limit_s: float) -> list[str]:
        """Workers not heard of for longer than `limit_s`."""
        now = time.monotonic()
        return [worker_id for worker_id, seen in self._last_seen.items() if now - seen > limit_s]

    def forget(self, worker_id: str) -> None:
        self.close(worker_id)
        self._last_seen.pop(worker_id, None)

    def stats(self) -> dict[str, dict[str, Any]]:
        return {worker_id: session.stats for worker_id, session in self._by_worker.items() if session.stats}

    def tell(self, worker_id: str, message: pb.OrchestratorMessage) -> bool:
        """Sends a message that need not be kept; False when the agent is not here."""
        session = self.find(worker_id)
        if session is None:
            return False
        session.send(message)
        return True

    def deliver(self, order: Command, payload: dict[str, Any]) -> None:
        """Sends a committed command if its agent is here; else it is sent when the agent attaches."""
        session = self._by_worker.get(order.topic.removeprefix("agent:"))
        if session is not None and session.welcomed:
            session.send(codec.command(order, assigned(order, payload)))
