"""Tasks that run in environments of their own: each waits until its environment is there, and is forked from its template."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any

from tensorfleet.agent.environments import Environments
from tensorfleet.agent.requirements import NotReady
from tensorfleet.agent.spool import STREAM_FILES, SpooledTask
from tensorfleet.agent.warm import Listener, WarmTemplate
from tensorfleet.kit.clock import utc_now
from tensorfleet.training.registry import ALGORITHMS

Refused = Callable[[int, dict[str, Any]], None]
"""Called with a lease and the outcome of a task that cannot start."""


def with_packages(spec: dict[str, Any]) -> dict[str, Any]:
    """The job's fields, with the packages that its built-in algorithm is trained with."""
    algorithm = ALGORITHMS.get(spec.get("algorithm") or "")
    return spec | {"requirements": algorithm.requirements} if algorithm else spec


def is_needed(spec: dict[str, Any]) -> bool:
    return bool(spec.get("requirements") or spec.get("python"))


def refusal(spec: dict[str, Any], error: NotReady) -> dict[str, Any]:
    """The outcome of a task without an environment; for that of a built-in it says what the worker lacks."""
    algorithm = ALGORITHMS.get(spec.get("algorithm") or "")
    if algorithm is None:
        return error.outcome()
    or_extra = f", or install tensorfleet[{algorithm.extra}] there" if algorithm.extra else ""
    return error.outcome() | {
        "message": f"{algorithm.name} needs packages of {algorithm.library} that this worker has not: {error.detail}; give the"
        f" worker a package index (UV_INDEX) or a folder of wheels (UV_FIND_LINKS){or_extra}",
    }


class EnvironmentTemplates:
    """One warm template for each environment that is in use; let go when nothing has used it for `idle_s`.

    Args:
        spawned: a template of the Python at a path.
    """

    def __init__(
        self,
        environments: Environments,
        spawned: Callable[[Path], AbstractAsyncContextManager[socket]],
        listener: Listener,
        refused: Refused,
        idle_s: float,
    ) -> None:
        self._environments = environments
        self._spawned = spawned
        self._listener = listener
        self._refused = refused
        self._idle_s = idle_s
        self._preparing: dict[int, asyncio.Task[None]] = {}
        self._templates: dict[str, WarmTemplate] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self, task: SpooledTask, spec: dict[str, Any], env: dict[str, str], own: WarmTemplate) -> None:
        """`own`: the agent's template, for a job that turns out to want nothing that is not there."""
        preparing = asyncio.create_task(self._prepare(task, spec, env, own))
        self._preparing[task.lease] = preparing
        preparing.add_done_callback(lambda _: self._preparing.pop(task.lease, None))

    def withdraw(self, lease: int) -> bool:
        """Takes back an order that still waits; a build that it waits for goes on, for the next one."""
        preparing = self._preparing.pop(lease, None)
        if preparing is not None:
            preparing.cancel()
            return True
        return any(template.withdraw(lease) for template in self._templates.values())

    async def run(self) -> None:
        """Until it is cancelled; then nothing of it is left running."""
        try:
            await asyncio.Event().wait()
        finally:
            left = [*self._preparing.values(), *self._running.values()]
            for one in left:
                one.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            await self._environments.close()

    async def _prepare(
        self, task: SpooledTask, spec: dict[str, Any], env: dict[str, str], own: WarmTemplate
    ) -> None:
        began = time.monotonic()
        used = [digest for digest, template in self._templates.items() if template.wanted.is_set()]
        records = task.directory / STREAM_FILES["record"]
        told = {"kind": "environment", "message": "it is being built; the job starts when it is there"}
        try:
            digest = await self._environments.ready(
                spec,
                partial(_say, task.directory),
                used,
                waits=lambda digest: _append(records, told | {"key": digest}),
            )
        except NotReady as error:
            self._refused(task.lease, refusal(spec, error))
            return
        if digest is None:
            own.start(task, env)
            return
        waited_s = round(time.monotonic() - began, 3)
        at = utc_now().timestamp()
        _append(records, {"kind": "environment", "at": at, "key": digest, "seconds": waited_s})
        python = self._environments.python(digest)
        path = f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        self._template(digest).start(task, env | {"VIRTUAL_ENV": str(python.parents[1]), "PATH": path})

    def _template(self, digest: str) -> WarmTemplate:
        if digest not in self._templates:
            opened = partial(self._spawned, self._environments.python(digest))
            template = WarmTemplate(f"environment {digest[:12]}", opened, self._listener, self._idle_s)
            self._templates[digest] = template
            self._running[digest] = asyncio.create_task(template.run())
        return self._templates[digest]


def _say(directory: Path, line: str) -> None:
    with (directory / STREAM_FILES["log"]).open("a") as file:
        file.write(f"{line}\n")


def _append(path: Path, record: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.write(f"{json.dumps(record)}\n")
