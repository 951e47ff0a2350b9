"""Agents on a Ray cluster, each an actor of its own.

Ray's library lives in a process beside this one: it ends its process when the cluster is away for long, and blocks while it is.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from tensorfleet.adapters.engine_link import ConfigOf, EngineLink
from tensorfleet.errors import Unavailable

ANSWER_LIMIT_S = 2.0
START_AGAIN_S = 2.0
END_S = 5.0


class RayLauncher(EngineLink):
    """`address` and `placement` as in the settings; `namespace` is this platform's own on the cluster."""

    def __init__(self, address: str, namespace: str, placement: str, config_of: ConfigOf) -> None:
        super().__init__(self._ask_engine, config_of)
        self._told = (address, namespace, placement)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._unread = b""
        self._started_at = -START_AGAIN_S
        self._number = 0

    def _ask_engine(self, question: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._number += 1
            link = self._connected()
            try:
                link.sendall(json.dumps(question | {"number": self._number}).encode() + b"\n")
                return self._answer(link)
            except TimeoutError as error:
                raise Unavailable(f"Ray has not answered within {ANSWER_LIMIT_S:g} s") from error
            except OSError as error:
                self._end()
                raise Unavailable(
                    "the process that speaks with Ray has ended; it is started again"
                ) from error

    def _answer(self, link: socket.socket) -> dict[str, Any]:
        """The answer to the last question; those to earlier ones came too late."""
        deadline = time.monotonic() + ANSWER_LIMIT_S
        while True:
            line, found, rest = self._unread.partition(b"\n")
            if found:
                self._unread = rest
                answer: dict[str, Any] = json.loads(line)
                if answer["number"] == self._number:
                    return answer
                continue
            link.settimeout(max(0.01, deadline - time.monotonic()))
            piece = link.recv(1 << 16)
            if not piece:
                raise ConnectionResetError
            self._unread += piece

    def _connected(self) -> socket.socket:
        if self._link is not None:
            return self._link
        if time.monotonic() - self._started_at < START_AGAIN_S:
            raise Unavailable("the process that speaks with Ray has ended; it is started again in a moment")
        self._started_at = time.monotonic()
        ours, theirs = socket.socketpair()
        with theirs:
            command = (
                sys.executable,
                "-m",
                "tensorfleet.adapters.ray_engine",
                str(theirs.fileno()),
                *self._told,
            )
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        self._link, self._unread = ours, b""
        return ours

    def _end(self) -> None:
        """It ends by itself when nobody speaks to it any more."""
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        with self._lock:
            self._end()
