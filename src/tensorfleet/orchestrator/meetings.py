"""Has two agents measure the way between their machines: one listens, the other goes there."""

from __future__ import annotations

import itertools
import secrets
import time
from collections import deque
from dataclasses import dataclass, field

from tensorfleet.health.model import Link, measured_link
from tensorfleet.kit.addresses import split_address
from tensorfleet.orchestrator.board import Board
from tensorfleet.orchestrator.sessions import Sessions
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb

BYTES = 8 * 1024**2
LIMIT_S = 45.0
AT_ONCE = 4
MOST_WAITING = 64


@dataclass
class _Meeting:
    here: str
    """Machine and worker of the one that listens."""
    there: str
    listener: str
    visitor: str
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    began: float = field(default_factory=time.monotonic)


class Meetings:
    """`links` has the newest measurement of each pair of machines."""

    def __init__(self, board: Board, sessions: Sessions) -> None:
        self._board = board
        self._sessions = sessions
        self._numbers = itertools.count(1)
        self._open: dict[int, _Meeting] = {}
        self._waiting: deque[tuple[str, str]] = deque(maxlen=MOST_WAITING)
        self.links: dict[frozenset[str], Link] = {}

    def want(self, here: str, there: str, *, again: bool = False) -> None:
        """Two machines, to be measured once; `again`: also if that was done."""
        pair = frozenset({here, there})
        known = pair in self.links and not again
        going = any(pair == {one.here, one.there} for one in self._open.values())
        if len(pair) == 2 and not known and not going and (here, there) not in self._waiting:
            self._waiting.append((here, there))

    def about(self, machine: str) -> tuple[Link, ...]:
        """What is known of ways from this machine, and of those of the machines at their other ends."""
        near = {one for pair in self.links if machine in pair for one in pair}
        return tuple(link for pair, link in self.links.items() if pair & near)

    def forget(self, machines: frozenset[str]) -> None:
        """All but what is about these machines."""
        self.links = {pair: link for pair, link in self.links.items() if pair <= machines}

    def look(self, agents: dict[str, str]) -> list[Link]:
        """Begins what waits; returns those that came to nothing.  `agents`: for each machine a worker that can be asked."""
        late = [number for number, one in self._open.items() if time.monotonic() - one.began > LIMIT_S]
        given_up = [self._open.pop(number) for number in late]
        while self._waiting and len(self._open) < AT_ONCE:
            self._begin(*self._waiting.popleft(), agents)
        return [
            self._keep(Link(one.here, one.there, trouble=f"not answered within {LIMIT_S:g} s"))
            for one in given_up
        ]

    def _begin(self, here: str, there: str, agents: dict[str, str]) -> None:
        if here not in agents or there not in agents:
            return
        number = next(self._numbers)
        meeting = _Meeting(here, there, agents[here], agents[there])
        if self._tell(meeting.listener, pb.MeasureLink(number=number, secret=meeting.secret, bytes=BYTES)):
            self._open[number] = meeting

    def _tell(self, worker_id: str, order: pb.MeasureLink) -> bool:
        return self._sessions.tell(worker_id, pb.OrchestratorMessage(link=order))

    def take(self, worker_id: str, report: pb.LinkReport) -> Link | None:
        """What an agent says; the link, once it is measured."""
        meeting = self._open.get(report.number)
        if meeting is None:
            return None
        if worker_id == meeting.listener and report.address:
            if self._is_its_own(worker_id, report.address):
                order = pb.MeasureLink(
                    number=report.number, peer=report.address, secret=meeting.secret, bytes=BYTES
                )
                self._tell(meeting.visitor, order)
            return None
        if worker_id != meeting.visitor:
            return None
        del self._open[report.number]
        return self._keep(measured_link(meeting.there, meeting.here, codec.mapping(report.measured_json)))

    def _is_its_own(self, worker_id: str, address: str) -> bool:
        """No agent sends another one to an address that is not its own."""
        worker = self._board.workers.get(worker_id)
        try:
            return worker is not None and split_address(address)[0] == worker.resources.get("host")
        except ValueError:
            return False

    def _keep(self, link: Link) -> Link:
        self.links[frozenset({link.here, link.there})] = link
        return link
