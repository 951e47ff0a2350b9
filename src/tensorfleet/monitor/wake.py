"""A nudge for the tracking writer: it looks at once, not at its next poll.  Losing one loses nothing."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

SOCKET_NAME = "monitor.sock"


def wake_monitor(run_dir: Path) -> None:
    """Never blocks and never fails: nobody may be listening."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(b"!", str(run_dir / SOCKET_NAME))
