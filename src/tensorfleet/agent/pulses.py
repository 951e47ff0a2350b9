"""Watches the running tasks of this machine, and tells the orchestrator where one stands that gets on no more."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import structlog

from tensorfleet.agent import stacks
from tensorfleet.agent.spool import STREAM_FILES, SpooledTask
from tensorfleet.agent.watch import Activity, Signs, Standing, Watch
from tensorfleet.kit.ticks import until_next_tick
from tensorfleet.training.pulse import read_pulse
from tensorfleet.wire import tensorfleet_pb2 as pb

LOOK_S = 0.25
LOOK_IDLE_S = 0.5
STACKS_LIMIT_BYTES = 240 * 1024
log = structlog.get_logger()


@dataclass
class _Watched:
    task: SpooledTask
    watch: Watch
    off: bool
    """Its owner wants no doctor: it is looked at only when somebody asks."""


class Pulses:
    """One per agent.  `tasks` are the spool's; `send` delivers a message where `attached` says that somebody is there."""

    def __init__(
        self,
        tasks: Mapping[int, SpooledTask],
        send: Callable[[pb.AgentMessage], None],
        attached: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tasks = tasks
        self._send = send
        self._attached = attached
        self._clock = clock
        self._watched: dict[int, _Watched] = {}
        self._dumps: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        try:
            while True:
                self._look_at_all(self._clock())
                await until_next_tick(LOOK_S if self._watched else LOOK_IDLE_S)
        finally:
            for dump in self._dumps.values():
                dump.cancel()

    def dump(self, lease: int) -> None:
        """The orchestrator asks where a task stands."""
        watched = self._watched.get(lease)
        if watched is not None:
            self._begin_dump(watched, stalled=False)

    def _look_at_all(self, now: float) -> None:
        running = {lease: task for lease, task in self._tasks.items() if task.running and not task.stop}
        for lease in self._watched.keys() - running.keys():
            del self._watched[lease]
        for lease, task in running.items():
            watched = self._watched.get(lease)
            if watched is None:
                policy = _hang_policy(task.directory)
                watch = Watch(policy.get("after"), now)
                watched = self._watched[lease] = _Watched(task, watch, policy.get("action") == "off")
            watched.watch.look(_signs(task, watched.watch), now)
            if not watched.off and self._attached() and watched.watch.due(now):
                self._begin_dump(watched, stalled=True)

    def _begin_dump(self, watched: _Watched, stalled: bool) -> None:
        lease = watched.task.lease
        if lease not in self._dumps:
            dump = self._dumps[lease] = asyncio.create_task(self._tell(watched, stalled))
            dump.add_done_callback(lambda _: self._dumps.pop(lease, None))

    async def _tell(self, watched: _Watched, stalled: bool) -> None:
        task = watched.task
        found = await asyncio.to_thread(stacks.collect, task.pid or 0, task.directory)
        standing = watched.watch.standing(self._clock())
        if not task.running:
            return
        stalled = stalled and standing.stalled  # it may have come back to life meanwhile
        if stalled:
            log.warning("a task makes no progress", lease=task.lease, quiet_s=round(standing.quiet_s, 1))
        report = _report(standing, watched.watch.limit_is_set, task.mask.value(found))
        message = _message(task.lease, stalled, standing, report)
        self._send(pb.AgentMessage(stacks=message))


def _report(standing: Standing, limit_is_set: bool, processes: list[dict[str, Any]]) -> str:
    """`stacks_json`: within its bound, at the cost of the threads that matter least."""
    about = {"quiet_s": standing.quiet_s, "limit_s": standing.limit_s, "limit_is_set": limit_is_set}
    text = json.dumps({**about, "processes": processes})
    if len(text) > STACKS_LIMIT_BYTES:
        processes = [process | {"threads": process["threads"][:1]} for process in processes]
        text = json.dumps({**about, "processes": processes})
    while len(text) > STACKS_LIMIT_BYTES:
        processes = processes[: len(processes) // 2]
        text = json.dumps({**about, "processes": processes})
    return text


def _message(lease: int, stalled: bool, standing: Standing, report: str) -> pb.TaskStacks:
    return pb.TaskStacks(
        lease=lease,
        stalled=stalled,
        beats=standing.beats,
        step=standing.step,
        idle_s=standing.idle_s,
        usual_s=standing.usual_s,
        stacks_json=report,
    )


def _hang_policy(directory: Path) -> dict[str, Any]:
    """What the job file says of hangs: `{"after": seconds or None, "action"}`."""
    try:
        found = json.loads((directory / "task.json").read_bytes())["spec"].get("hang")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _signs(task: SpooledTask, watch: Watch) -> Signs:
    beat = read_pulse(task.directory)
    written = sum(_size(task.directory / name) for name in STREAM_FILES.values())
    activity = _activity(task.pid) if watch.wants_activity else None
    return Signs(beat.beats, beat.at, beat.step, written, activity)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _activity(pid: int | None) -> Activity | None:
    """What a task's processes have done so far, those that have ended included."""
    try:
        task = psutil.Process(pid)
        family = [task, *task.children(recursive=True)]
        cpu_s = sum(task.cpu_times()[2:4]) + sum(sum(process.cpu_times()[:2]) for process in family)
        moved = sum(_moved(process) for process in family)
        # A process that waits for its turn is not stuck, however long the queue for the core or the disk is.
        wants = any(
            process.status() in (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP) for process in family
        )
    except psutil.Error:
        return None
    return Activity(cpu_s, moved, wants)


def _moved(process: psutil.Process) -> int:
    try:
        found = process.io_counters()
    except (psutil.Error, AttributeError, NotImplementedError):
        return 0  # not every system tells
    return sum(int(getattr(found, name, 0)) for name in ("read_bytes", "read_chars", "write_chars"))
