"""A nudge for the tracking writer: it looks at once, not at its next poll.  Losing one loses nothing."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

SOCKET_NAME = "monitor.sock"
SUPERVISOR_SOCKET_NAME = "supervisor.sock"


def wake_monitor(run_dir: Path) -> None:
    """Never blocks, never fails.  Where the writer does not run, the supervisor, if any, starts it."""
    for name, message in ((SOCKET_NAME, b"!"), (SUPERVISOR_SOCKET_NAME, b"monitor")):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(message, str(run_dir / name))
            return
