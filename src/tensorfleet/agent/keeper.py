"""Takes care of an agent's tasks: has them started, stops them as it is told, and knows how each has ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from tensorfleet.agent import processes
from tensorfleet.agent.config import AgentConfig
from tensorfleet.agent.disk import DiskWatch
from tensorfleet.agent.door import Door
from tensorfleet.agent.job_folders import JobFolders
from tensorfleet.agent.masking import Mask
from tensorfleet.agent.memory import MemoryWatch, TaskMemory
from tensorfleet.agent.spans import TaskSpans
from tensorfleet.agent.spool import Spool, SpooledTask
from tensorfleet.agent.stats import visible_gpus
from tensorfleet.agent.templates import Templates, task_env
from tensorfleet.agent.usage import UsageWatch
from tensorfleet.agent.warm import Listener
from tensorfleet.kit.clock import utc_now
from tensorfleet.wire import tensorfleet_pb2 as pb

END_GRACE_S = 3.0
HOW = ("save", "end", "kill")
"""Ways to stop a task, from the gentlest: a later order is obeyed only when it is less gentle."""
log = structlog.get_logger()


class Keeper:
    """`send` takes messages for the orchestrator; `changed` is called when there may be something new to deliver.

    `door`: where the tasks ask for objects, if they have to.
    """

    def __init__(
        self,
        config: AgentConfig,
        spool: Spool,
        gpus: int,
        send: Callable[[pb.AgentMessage], None],
        changed: Callable[[], None],
        door: Door | None = None,
    ) -> None:
        self._config = config
        self._door = door
        self._spool = spool
        self._gpus = gpus
        self._gpus_taken: dict[int, list[int]] = {}
        self._send = send
        self._changed = changed
        self._kills: set[asyncio.Task[None]] = set()
        self._memory = MemoryWatch(spool.tasks)
        self._usage = UsageWatch(spool.tasks)
        self._folders = JobFolders(config.jobs_dir)
        self._spans = TaskSpans(utc_now)
        self.disk = DiskWatch(
            Path(config.work_dir),
            config.min_free_disk_bytes,
            spool.tasks,
            lambda task: [task.directory, *self._folders.of(task.lease)],
            self._folders.make_room,
            self.kill_now,
        )
        listener = Listener(self._task_started, self._task_exited, self._tasks_lost)
        self._templates = Templates(config, listener, self._refused)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._templates.run(torch=self._gpus > 0 and not self._config.light))
            group.create_task(self._memory.run())
            group.create_task(self._usage.run())
            group.create_task(self._folders.run())
            group.create_task(self.disk.run())

    def start(self, order: pb.StartTask) -> None:
        known = self._spool.tasks.get(order.lease)
        if known is not None:
            if known.running:
                self.tell_started(known)
            return
        task = self._completed(order.lease, json.loads(order.task_json))
        task |= self._spans.begin(order.lease, task)
        try:
            spooled = self._spool.add(order.lease, task)
        except OSError as error:
            log.warning("a task was refused", lease=order.lease, detail=str(error))
            self._spool.refuse(order.lease, error)
            self._folders.leave(order.lease)
            self._dismiss(order.lease)
            self._changed()
            return
        secrets = dict(order.secrets)
        spooled.hide(Mask(secrets.values()))
        resources = task["spec"]["resources"]
        spooled.memory = TaskMemory(int(task["rank"]), int(resources.get("memory") or 0))
        gpus = self._take_gpus(order.lease, int(resources["gpus"]))
        spooled.usage = self._usage.begin(gpus)
        env = task_env(task, spooled.directory, gpus, self._config.host)
        self._templates.start(spooled, task["spec"], secrets | env)

    def _completed(self, lease: int, task: dict[str, Any]) -> dict[str, Any]:
        """What the orchestrator says of a task, with what only this machine knows."""
        config = self._config
        if not task["spec"].get("algorithm"):
            task["job_dir"] = str(self._folders.enter(lease, task["job_id"]))
        return task | {
            "objects_url": self._door.admit(lease) if self._door else config.objects_url,
            "cache_dir": str(config.cache_dir.resolve()),
            "cpus": task["spec"]["resources"]["cpus"],
            "received_at": utc_now().timestamp(),
        }

    def _dismiss(self, lease: int) -> None:
        if self._door is not None:
            self._door.dismiss(lease)

    def _take_gpus(self, lease: int, count: int) -> list[int]:
        taken = {index for indexes in self._gpus_taken.values() for index in indexes}
        there = visible_gpus() or range(self._gpus)
        free = [index for index in there if index not in taken]
        self._gpus_taken[lease] = free[:count]
        return free[:count]

    def tell_started(self, task: SpooledTask) -> None:
        self._send(pb.AgentMessage(started=pb.TaskStarted(lease=task.lease, pid=task.pid or 0)))

    # ---- stopping ----------------------------------------------------------------------------------------------------

    def stop(self, lease: int, how: str = "end") -> None:
        """Stops a task in one of the ways of `HOW`.  One that never started is reported as stopped all the same."""
        task = self._spool.tasks.get(lease)
        unknown = task is None
        if task is None:
            task = self._spool.without_folder(lease)
        how = how if how in HOW else "end"
        if task.stop and HOW.index(how) <= HOW.index(task.stop):
            return
        task.stop = how
        if task.running:
            self._carry_out(task)
        elif unknown or self._templates.withdraw(lease):
            self._ended(task, None)  # else it is being forked now, and is stopped when its number is known

    def kill_now(self, task: SpooledTask) -> None:
        task.stop = "kill"
        self._templates.withdraw(task.lease)
        _signal_all(task, signal.SIGKILL)

    def _carry_out(self, task: SpooledTask) -> None:
        if task.stop == "kill":
            _signal_all(task, signal.SIGKILL)
        elif task.stop == "save":
            _signal_main(task, signal.SIGTERM)  # its helpers have to live on until it has saved
            self._kill_after(task, self._config.save_grace_s)
        else:
            _signal_all(task, signal.SIGTERM)
            self._kill_after(task, END_GRACE_S)

    def _kill_after(self, task: SpooledTask, grace_s: float) -> None:
        async def kill() -> None:
            await asyncio.sleep(grace_s)
            _signal_all(task, signal.SIGKILL)

        pending = asyncio.create_task(kill())
        self._kills.add(pending)
        pending.add_done_callback(self._kills.discard)

    def interrupt_all(self) -> None:
        """The agent itself is being stopped: its tasks are killed through no fault of their own."""
        for task in self._spool.tasks.values():
            if not task.ended:
                self._spool.interrupt(task)
            _signal_all(task, signal.SIGKILL)

    # ---- what the templates tell -------------------------------------------------------------------------------------

    def _task_started(self, lease: int, pid: int) -> None:
        task = self._spool.tasks.get(lease)
        if task is None:
            processes.signal_group(pid, signal.SIGKILL)
            return
        self._spool.started(task, pid)
        self.tell_started(task)
        if task.stop:
            self._carry_out(task)

    def _task_exited(self, lease: int, wait_status: int, cpu_s: float) -> None:
        task = self._spool.tasks.get(lease)
        if task is not None:
            self._ended(task, wait_status, cpu_s)

    def _refused(self, lease: int, outcome: dict[str, Any]) -> None:
        """It cannot start; what it would have run in is not to be had."""
        task = self._spool.tasks.get(lease)
        if task is not None:
            task.ended, task.outcome = True, outcome
            self._ended(task, None)

    def _tasks_lost(self, leases: set[int]) -> None:
        """Their template has died, and they with it."""
        for task in [self._spool.tasks[lease] for lease in leases if lease in self._spool.tasks]:
            _signal_all(task, signal.SIGKILL)
            self._ended(task, None)

    def _ended(self, task: SpooledTask, wait_status: int | None, cpu_s: float | None = None) -> None:
        self._spool.conclude(task, wait_status)
        self.disk.judge(task)
        task.outcome["usage"] = self._usage.finish(task.usage, task.memory, cpu_s)
        self._gpus_taken.pop(task.lease, None)
        self._folders.leave(task.lease)
        self._dismiss(task.lease)
        self._spans.end(task.lease, task.directory, task.told(), task.mask)
        self._changed()


def _signal_all(task: SpooledTask, number: signal.Signals) -> None:
    if task.running:
        processes.signal_group(task.pid or 0, number)


def _signal_main(task: SpooledTask, number: signal.Signals) -> None:
    if task.running:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(task.pid or 0, number)
