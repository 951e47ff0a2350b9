"""A nudge for a role that looks into the database: at once, not at its next poll.  Losing one loses nothing."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

SOCKET_NAME = "monitor.sock"
TUNER_SOCKET_NAME = "tuner.sock"
SUPERVISOR_SOCKET_NAME = "supervisor.sock"


def wake_monitor(run_dir: Path) -> None:
    """Never blocks, never fails.  Where the writer does not run, the supervisor, if any, starts it."""
    _wake(run_dir, SOCKET_NAME, b"monitor")


def wake_tuner(run_dir: Path) -> None:
    """The same for the one who conducts studies."""
    _wake(run_dir, TUNER_SOCKET_NAME, b"tuner")


def _wake(run_dir: Path, socket_name: str, role: bytes) -> None:
    for name, message in ((socket_name, b"!"), (SUPERVISOR_SOCKET_NAME, role)):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(message, str(run_dir / name))
            return
