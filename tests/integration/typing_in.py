"""A person at a terminal: answers what a command asks, where it would not show what is typed."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def typed(
    command: Sequence[str], answers: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_s: float
) -> str:
    """Runs `command` in a terminal of its own, gives one answer to each prompt, and returns what was shown.

    Raises:
        AssertionError: it ended with another code than 0, or not in time; with what it had shown.
    """
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        command, stdin=inner, stdout=inner, stderr=inner, cwd=cwd, env=env, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(inner)
    shown, asked, left, deadline = "", "", list(answers), time.monotonic() + timeout_s
    try:
        while (piece := _read(terminal, deadline, shown)) is not None:
            shown, asked = shown + piece, asked + piece
            if left and asked.endswith(": "):  # by then nothing that is typed is shown any more
                os.write(terminal, f"{left.pop(0)}\n".encode())
                asked = ""
        assert process.wait(10) == 0, shown
    finally:
        os.close(terminal)
        process.kill()
        process.wait()
    return shown


def _read(terminal: int, deadline: float, shown: str) -> str | None:
    """What it shows next; None at its end."""
    ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
    assert ready, f"it has neither ended nor shown anything in time after {shown!r}"
    try:
        return os.read(terminal, 4096).decode(errors="replace") or None
    except OSError as error:
        if error.errno == errno.EIO:  # nobody has the other end any more
            return None
        raise
