"""One simulated task: acts out its script, and keeps in memory what a real one writes into its folder."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tensorfleet.testing.simulation.script import (
    SUCCEED,
    Script,
    checkpoint_record,
    log_line,
    metrics_record,
    values_at,
)

_MESSAGES = {
    "user_error": "ValueError: the script says so",
    "out_of_memory": "memory ran out, as the script says",
    "data": "the data cannot be used, as the script says",
    "killed": "the task was killed by SIGKILL, as the script says",
}


@dataclass
class Output:
    """One of a task's two files: its bytes, and how far they were sent and taken over."""

    data: bytearray = field(default_factory=bytearray)
    sent: int = 0
    taken: int = 0

    def unsent(self, limit: int = 256 * 1024) -> bytes:
        return bytes(self.data[self.sent : self.sent + limit])


class SimulatedTask:
    """`changed` is called whenever there is something new to deliver."""

    def __init__(self, lease: int, order: dict[str, Any], changed: Callable[[SimulatedTask], None]) -> None:
        self.lease = lease
        self.job_id: str = order["job_id"]
        self.job_name: str = order["job_name"]
        self.attempt: int = order["attempt"]
        self.rank: int = order["rank"]
        self.script = Script.of(order["spec"].get("hyperparameters") or {})
        self.outputs = {"log": Output(), "record": Output()}
        self.outcome: dict[str, Any] | None = None
        self.reported = False
        self.released = False
        self.step = order["checkpoint"]["step"] if order.get("checkpoint") else 0
        self._saved = -1
        self._stop = ""
        self._stopping = asyncio.Event()
        self._changed = changed

    async def run(self) -> None:
        """Works until the script, or a stop, ends it; the outcome stands then."""
        while self.outcome is None:
            self.outcome = self._end_at(self.step)
            if self.outcome is None:
                await self._pause()
                self._work()
                if self._stop and self.outcome is None:
                    self._obey()
        self._changed(self)

    def stop(self, how: str) -> None:
        self._stop = how or "end"
        self._stopping.set()

    def _end_at(self, step: int) -> dict[str, Any] | None:
        """How it ends before the step after `step`; None when it goes on."""
        script = self.script
        if script.dies(self.attempt, step):
            return failed("killed")
        if script.fails(step):
            return failed(script.end)
        if step >= script.steps:
            metrics = values_at(step) if step else {}
            return {"status": SUCCEED, "result": {"status": SUCCEED, "metrics": metrics}}
        return None

    async def _pause(self) -> None:
        if self.script.step_s:
            try:
                async with asyncio.timeout(self.script.step_s):
                    await self._stopping.wait()
            except TimeoutError:
                return

    def _work(self) -> None:
        """One step: a line, and on rank 0 a metric and (now and then) a checkpoint.  A task told to end does none."""
        if self._stop in ("end", "kill"):
            return
        self.step += 1
        self.outputs["log"].data += log_line(self.step, self.rank).encode()
        if self.rank == 0:
            self.outputs["record"].data += metrics_record(self.step, time.time())
            if self.script.saves(self.step) or self._stop == "save":
                self._save()
        self._changed(self)

    def _save(self) -> None:
        self._saved = self.step
        record = checkpoint_record(self.job_id, self.attempt, self.step, time.time())
        self.outputs["record"].data += record

    def _obey(self) -> None:
        result = {"step": self.step, "saved_step": self._saved} if self._stop == "save" else None
        self.outcome = stopped(result)


def failed(kind: str) -> dict[str, Any]:
    return {"status": "failed", "class": kind, "message": _MESSAGES[kind]}


def stopped(result: dict[str, Any] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"status": "stopped", "class": "cancelled", "message": "stopped on command"}
    return found | {"result": result} if result else found


def parse_order(task_json: str) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(task_json)
    return order
