"""`python -m tensorfleet.testing.simulation CONFIG`: a simulated fleet as a process, which notes when tasks reached it.

CONFIG is JSON: `{"address", "token", "agents", "slots", "notes"}`.  Each line of the file `notes` is one start:
`{"job", "at", "after_s"}`; `at` is the monotonic clock of the machine, `after_s` how long after a slot of that agent had
become free (null when none had).
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections import defaultdict, deque
from pathlib import Path
from typing import IO

from tensorfleet.testing.simulation.agent import Observer, SimulatedAgent
from tensorfleet.testing.simulation.fleet import FleetPlan, SimulatedFleet
from tensorfleet.testing.simulation.task import SimulatedTask


class Notes:
    """Pairs each start with the end that made room for it: the oldest one of the same agent that has no start yet."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._freed: dict[str, deque[float]] = defaultdict(deque)

    def start(self, agent: SimulatedAgent, task: SimulatedTask) -> None:
        now = time.monotonic()
        freed = self._freed[agent.identity.worker_id]
        after_s = now - freed.popleft() if freed else None
        self._file.write(json.dumps({"job": task.job_name, "at": now, "after_s": after_s}) + "\n")

    def outcome(self, agent: SimulatedAgent, task: SimulatedTask) -> None:
        self._freed[agent.identity.worker_id].append(time.monotonic())


async def _run(config: dict[str, str | int], notes: Notes) -> None:
    plan = FleetPlan(int(config["agents"]), int(config["slots"]), memory_bytes=2**50)
    observer = Observer(notes.start, notes.outcome)
    fleet = SimulatedFleet(plan, str(config["address"]), str(config["token"]), observer=observer)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with fleet.running():
        await stop.wait()


def main() -> None:
    config = json.loads(sys.argv[1])
    with Path(config["notes"]).open("w", buffering=1) as file:
        asyncio.run(_run(config, Notes(file)))


if __name__ == "__main__":
    main()
