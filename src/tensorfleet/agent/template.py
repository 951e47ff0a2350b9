"""The warm templates: processes that have imported the heavy libraries and fork each task in milliseconds.

The first has scikit-learn; the second is forked from it when torch is wanted, shares its pages and adds torch.  They only
ever import.  One parallel operation here would start a thread pool, and every child would wait for its dead threads for ever;
so there are no threads, no event loop and no CUDA in these processes, and the environment keeps the numeric libraries at
one thread until a child raises it.

Line-delimited JSON over one socket.  In: `{"lease", "dir", "env"}`.  Out: `{"op": "ready"}`, `{"op": "started", "lease", "pid"}`,
`{"op": "exit", "lease", "status", "cpu_s"}` (as wait4 gives them; sent when nothing that the task has started is left).

When the socket closes, the agent is gone: all tasks end.  Over a template's second socket come the sockets of templates to be
forked from it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tensorfleet.agent import processes
from tensorfleet.kit.clock import utc_now

HEIR_GRACE_S = 1.0
TORCH, SAME = b"t", b"s"
"""What is sent with the sockets of a template to be forked: whether it is to have torch, or what its parent has."""


def main(channel: int, begets: int, kind: str = "base") -> int:
    """Serves one agent over the inherited sockets until they close."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the supervisor's to handle
    from tensorfleet.training.template_imports import warm_base, warm_environment

    name, warm = ("tf-environment", warm_environment) if kind == "environment" else ("tf-template", warm_base)
    return _be_template(name, socket.socket(fileno=channel), socket.socket(fileno=begets), warm)


def _be_template(
    name: str, channel: socket.socket, begets: socket.socket | None, warm: Callable[[], None]
) -> int:
    if name:
        processes.name_process(name)
    processes.inherit_orphans()
    template = _Template(channel, begets)
    warm()
    gc.collect()
    gc.freeze()  # the children's collector leaves these objects alone, and their pages stay shared
    processes.leave_code_on_disk()
    template.send({"op": "ready"})
    try:
        template.serve()
    finally:
        template.finish()
    return 0


class _Template:
    """`_leases`: its tasks by process; `_heirs`: templates forked from it; `_ended`: ends that are told when nothing is left."""

    def __init__(self, channel: socket.socket, begets: socket.socket | None) -> None:
        self._channel = channel
        self._begets = begets
        self._wake = os.pipe()
        self._leases: dict[int, int] = {}
        self._heirs: set[int] = set()
        self._ended: list[dict[str, Any]] = []
        self._tell_at = 0.0
        self._unread = b""
        for end in self._wake:
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)

    def send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._channel.sendall(json.dumps(message).encode() + b"\n")

    def serve(self) -> None:
        heard: list[Any] = [self._channel, self._wake[0], *([self._begets] if self._begets else [])]
        while True:
            wait_s = 0.05 if self._ended else None
            ready, _, _ = select.select(heard, [], [], wait_s)
            if self._wake[0] in ready or self._ended:
                self._clear_wake()
                self._reap()
                self._tell_ends()
            if self._begets in ready and not self._beget():
                return
            if self._channel in ready and not self._take_orders():
                return

    def _clear_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake[0], 4096)

    def _take_orders(self) -> bool:
        data = self._channel.recv(1 << 20)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            pid = processes.fork(self._let_go, partial(_become_task, order))
            self._leases[pid] = order["lease"]
            self.send({"op": "started", "lease": order["lease"], "pid": pid})
        return bool(data)

    def _beget(self) -> bool:
        assert self._begets is not None
        kind, descriptors, _, _ = socket.recv_fds(self._begets, 1, 2)
        if descriptors:
            heir = _become_torch_template if kind == TORCH else _become_template
            self._heirs.add(processes.fork(self._let_go, partial(heir, *descriptors)))
        for descriptor in descriptors:
            os.close(descriptor)
        return bool(descriptors)

    def _let_go(self) -> None:
        """In a child: what belongs to the template alone."""
        signal.set_wakeup_fd(-1)
        for end in self._wake:
            os.close(end)
        self._channel.close()
        if self._begets is not None:
            self._begets.close()

    # ---- ends --------------------------------------------------------------------------------------------------------

    def _reap(self) -> None:
        """Waits for the ended, and ends what tasks have left: each is the heir of its own orphans, which now come here."""
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                break
            self._heirs.discard(pid)
            lease = self._leases.pop(pid, None)
            if lease is not None:
                processes.signal_group(pid, signal.SIGKILL)
                cpu_s = used.ru_utime + used.ru_stime
                self._ended.append({"op": "exit", "lease": lease, "status": status, "cpu_s": cpu_s})
                self._tell_at = time.monotonic() + processes.SWEEP_MOST_S
        for pid in self._orphans():
            processes.kill(pid)

    def _orphans(self) -> set[int]:
        return processes.children() - self._leases.keys() - self._heirs

    def _tell_ends(self) -> None:
        if self._ended and (not self._orphans() or time.monotonic() > self._tell_at):
            for message in self._ended:
                self.send(message)
            self._ended.clear()

    def finish(self) -> None:
        """The agent is gone: its tasks end, and all that they have started; other templates do the same for theirs."""
        for pid in self._leases:
            processes.signal_group(pid, signal.SIGKILL)
        began = time.monotonic()
        while processes.children() and (lived_s := time.monotonic() - began) < processes.SWEEP_MOST_S:
            if lived_s > HEIR_GRACE_S:
                self._heirs.clear()
            self._reap()
            select.select([self._wake[0]], [], [], 0.01)
            self._clear_wake()


def _become_torch_template(channel: int, begets: int | None = None) -> int:
    from tensorfleet.training.template_imports import warm_torch

    return _become_template(channel, begets, "tf-torch", warm_torch)


def _become_template(
    channel: int, begets: int | None = None, name: str = "", warm: Callable[[], None] = lambda: None
) -> int:
    """Without anything to warm: one that has what this one has, and its name, for another agent."""
    heard = None if begets is None else socket.socket(fileno=begets)
    return _be_template(name, socket.socket(fileno=channel), heard, warm)


def _become_task(order: dict[str, Any]) -> int:
    """In the child: a session and a process group of its own, its own log, its own environment; then the work."""
    forked_at = utc_now().timestamp()
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    directory = Path(order["dir"])
    os.setsid()
    processes.name_process(f"tf-task-{order['lease']}")
    processes.inherit_orphans()
    output = os.open(directory / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdin = os.fdopen(0)
    # Lines reach the log as they are printed, so that a killed task has said all it said.
    sys.stdout = os.fdopen(1, "w", buffering=1, errors="backslashreplace")
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
    os.environ.update(order["env"])
    os.chdir(directory)

    from tensorfleet.training.run import run_task

    return run_task(directory, forked_at)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
