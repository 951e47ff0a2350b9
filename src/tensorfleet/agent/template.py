"""The warm template: a process that has imported the heavy libraries and forks each task in milliseconds.

It only ever imports.  One parallel operation here would start a thread pool, and every child would wait for its dead
threads for ever; so there are no threads, no event loop and no CUDA in this process, and the environment keeps the
numeric libraries at one thread until a child raises it.

Line-delimited JSON over one socket.  In: `{"lease", "dir", "env"}`.  Out: `{"op": "ready"}`, `{"op": "started", "lease", "pid"}`,
`{"op": "exit", "lease", "status"}` (as waitpid gives it).  When the socket closes, the agent is gone: all tasks end.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(descriptor: int) -> int:
    """Serves one agent over the inherited socket until it closes."""
    channel = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the supervisor's to handle
    wake_read, wake_write = os.pipe()
    for end in (wake_read, wake_write):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)

    from tensorfleet.training.template_imports import warm_imports

    warm_imports()
    gc.collect()
    gc.freeze()  # the children's collector leaves these objects alone, and their pages stay shared
    template = _Template(channel, (wake_read, wake_write))
    template.send({"op": "ready"})
    try:
        template.serve()
    finally:
        template.kill_all()
    return 0


class _Template:
    def __init__(self, channel: socket.socket, wake: tuple[int, int]) -> None:
        self._channel = channel
        self._wake = wake
        self._leases: dict[int, int] = {}
        self._unread = b""

    def send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._channel.sendall(json.dumps(message).encode() + b"\n")

    def serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._channel.fileno(), self._wake[0]], [], [])
            if self._wake[0] in ready:
                os.read(self._wake[0], 4096)
                self._reap()
            if self._channel.fileno() in ready:
                data = self._channel.recv(1 << 20)
                if not data:
                    return
                *lines, self._unread = (self._unread + data).split(b"\n")
                for line in lines:
                    self._fork(json.loads(line))

    def _fork(self, order: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                for descriptor in (self._channel.fileno(), *self._wake):
                    os.close(descriptor)
                code = _become_task(Path(order["dir"]), order["env"])
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                with contextlib.suppress(BaseException):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(code)
        self._leases[pid] = order["lease"]
        self.send({"op": "started", "lease": order["lease"], "pid": pid})

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            lease = self._leases.pop(pid, None)
            if lease is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)  # what the task left running goes with it
                self.send({"op": "exit", "lease": lease, "status": status})

    def kill_all(self) -> None:
        for pid in self._leases:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)


def _become_task(directory: Path, env: dict[str, str]) -> int:
    """In the child: a session and a process group of its own, its own log, its own environment; then the work."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    output = os.open(directory / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdin = os.fdopen(0)
    # Lines reach the log as they are printed, so that a killed task has said all it said.
    sys.stdout = os.fdopen(1, "w", buffering=1, errors="backslashreplace")
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
    os.environ.update(env)
    os.chdir(directory)
    os.environ["TENSORFLEET_FORKED_AT"] = repr(time.time())

    from tensorfleet.training.run import run_task

    return run_task(directory)


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the agent's own bookkeeping has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
