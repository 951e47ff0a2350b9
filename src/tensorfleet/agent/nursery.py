"""`python -m tensorfleet.agent.nursery SOCKET FOLDER`: starts agents of this machine, as many as it is asked for.

Like a warm template it has imported what its children need, and forks them; so it has no threads and no event loop.  The
templates of its agents are forked from two that it keeps, once one is asked for: a hundred agents import them once.

It is spoken to over SOCKET (`kit/asking.py`).  What was asked for is also noted in FOLDER, a folder for each agent, so that a
nursery that was killed knows after its next start which agents are gone.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from tensorfleet.agent import __main__ as agent
from tensorfleet.agent import processes
from tensorfleet.agent.brood import Brood
from tensorfleet.agent.config import AgentConfig
from tensorfleet.agent.stats import machine_resources, visible_gpus
from tensorfleet.kit.asking import answer, hear
from tensorfleet.kit.files import write_atomic
from tensorfleet.kit.logs import configure_logging

NOTE = "launched.json"
IDLE_S = 60.0
STOP_S = 6.0
QUESTION_LIMIT_S = 1.0
log = structlog.get_logger()


@dataclass
class Child:
    """An agent that was asked for.  `pid` is None when it is not there; `gpus` are those that it was given."""

    type_name: str
    pid: int | None = None
    gpus: tuple[int, ...] = ()
    detail: str = ""
    released: bool = False

    @property
    def state(self) -> str:
        return "up" if self.pid is not None else "gone"


class Nursery:
    """`gpus` are the numbers of those that there are: each is given to one agent at a time, that asks for some."""

    def __init__(self, listener: socket.socket, folder: Path, gpus: Sequence[int]) -> None:
        self._listener = listener
        self._folder = folder
        self._gpus = gpus
        self._wake = os.pipe()
        self._brood = Brood(folder)
        self._stopping = False
        self._idle_since = time.monotonic()
        self.children = _noted(folder)
        for end in self._wake:
            os.set_blocking(end, False)

    def serve(self) -> None:
        """Until it is told to stop, or has had nothing to do for a while; its agents end with it."""
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while not self._stopping and not self._is_idle():
            heard: list[Any] = [self._listener, self._wake[0], *self._brood.channels]
            ready, _, _ = select.select(heard, [], [], 5.0)
            self._reap()
            self._brood.look(ready)
            if self._listener in ready:
                self._serve_one()
        self._end()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _is_idle(self) -> bool:
        if any(child.pid for child in self.children.values()):
            self._idle_since = time.monotonic()
        return time.monotonic() - self._idle_since > IDLE_S

    def _serve_one(self) -> None:
        link, _ = self._listener.accept()
        with link:
            link.settimeout(QUESTION_LIMIT_S)
            handed: list[int] = []
            try:
                question, handed = hear(link)
                answer(link, self._answer(question, handed))
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning("a question was not answered", detail=str(error))
                with contextlib.suppress(OSError):
                    answer(link, {"error": str(error)})
            finally:
                for descriptor in handed:
                    os.close(descriptor)

    def _answer(self, question: dict[str, Any], handed: list[int]) -> dict[str, Any]:
        op = question["op"]
        if op == "launch":
            for one in question["agents"]:
                kind = one["type"]
                self._launch(one["worker_id"], kind["name"], one["config"], math.ceil(kind["gpus"]))
        elif op == "release":
            self._release(question["worker_id"])
        elif op == "template":
            self._brood.beget(question["kind"], handed[0])
        elif op != "list":
            raise ValueError(f"there is no question {op!r}")
        listed = [
            {
                "worker_id": worker_id,
                "type_name": child.type_name,
                "state": child.state,
                "detail": child.detail,
            }
            for worker_id, child in self.children.items()
        ]
        return {"launched": listed if op == "list" else []}

    # ---- agents ------------------------------------------------------------------------------------------------------

    def _launch(self, worker_id: str, type_name: str, config: dict[str, Any], gpus: int) -> None:
        known = self.children.get(worker_id)
        if known is not None and known.pid is not None:
            return
        wanted = AgentConfig(**config)
        child = self.children[worker_id] = Child(type_name)
        work_dir = Path(wanted.work_dir)
        work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(work_dir / NOTE, json.dumps({"type": type_name}).encode(), durable=False)
        taken = {index for other in self.children.values() if other.pid for index in other.gpus}
        free = [index for index in self._gpus if index not in taken]
        if gpus > len(free):
            child.detail = (
                f"it wants {gpus} GPUs, and {len(free)} of this machine's {len(self._gpus)} are free"
            )
            return
        child.gpus = tuple(free[:gpus])
        child.pid = processes.fork(self._let_go, lambda: _be_agent(wanted, child.gpus))
        self._idle_since = time.monotonic()

    def _release(self, worker_id: str) -> None:
        child = self.children.get(worker_id)
        if child is None:
            return
        if child.pid is None:
            self._forget(worker_id)
            return
        child.released = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, processes.LEAVE)

    def _forget(self, worker_id: str) -> None:
        self.children.pop(worker_id, None)
        shutil.rmtree(self._folder / worker_id, ignore_errors=True)

    def _let_go(self) -> None:
        """In a child: what belongs to the nursery alone."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        for end in self._wake:
            os.close(end)
        self._listener.close()
        self._brood.let_go()

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake[0], 4096)
        by_pid = {child.pid: worker_id for worker_id, child in self.children.items() if child.pid}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            worker_id = by_pid.get(pid)
            if worker_id is not None:
                self._ended(worker_id, os.waitstatus_to_exitcode(status))

    def _ended(self, worker_id: str, code: int) -> None:
        child = self.children[worker_id]
        child.pid = None
        child.detail = (
            f"its process ended ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"
        )
        log.info("an agent ended", worker=worker_id, code=code, released=child.released)
        if child.released:
            self._forget(worker_id)

    def _end(self) -> None:
        """All agents end: at once, as this machine's platform is being stopped."""
        self._brood.close()
        deadline = time.monotonic() + STOP_S
        number = signal.SIGTERM
        while (
            running := [child.pid for child in self.children.values() if child.pid]
        ) or processes.children():
            for pid in running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            select.select([self._wake[0]], [], [], 0.05)
            self._reap()
            if time.monotonic() > deadline:
                number = signal.SIGKILL
            if time.monotonic() > deadline + STOP_S:
                return


def _noted(folder: Path) -> dict[str, Child]:
    """What an earlier nursery was asked for, and took with it."""
    found = {}
    for note in sorted(folder.glob(f"*/{NOTE}")):
        with contextlib.suppress(OSError, ValueError, KeyError):
            type_name = str(json.loads(note.read_bytes())["type"])
            found[note.parent.name] = Child(
                type_name, detail="the process that started it has ended, and it too"
            )
    return found


def _be_agent(config: AgentConfig, gpus: tuple[int, ...]) -> int:
    processes.name_process("tf-agent")
    output = os.open(Path(config.work_dir) / "agent.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, gpus))
    return agent.run(config)


def main(path: str, folder: str) -> int:
    configure_logging("nursery")
    processes.name_process("tf-nursery")
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    processes.kill_marked(home)
    Path(path).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        Path(path).chmod(0o600)
        listener.listen(128)
        gc.collect()
        gc.freeze()  # agents share these pages as long as nobody's collector touches them
        try:
            Nursery(listener, home, visible_gpus() or range(len(machine_resources()["gpus"]))).serve()
        finally:
            Path(path).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
