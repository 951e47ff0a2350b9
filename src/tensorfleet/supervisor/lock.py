"""One platform a home: a lock that the kernel gives back when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from tensorfleet.errors import Conflict

LOCK_FILE = "up.lock"


class HomeLock:
    """Held from `acquire` to the end of the process.  The file tells who holds it."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / LOCK_FILE
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raises Conflict when another platform runs on this home."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            holder = self.holder() or {}
            where = f" at {holder['url']}" if holder.get("url") else ""
            raise Conflict(
                f"TensorFleet already runs on this home{where} (process {holder.get('pid', '?')}); "
                "use it, stop it with `tensorfleet down`, or choose another home with --home"
            ) from error
        self._descriptor = descriptor

    def describe(self, **facts: Any) -> None:
        """Writes who holds the lock, for `down` and for the next `up`."""
        assert self._descriptor is not None
        data = json.dumps({"pid": os.getpid(), **facts}).encode()
        os.pwrite(self._descriptor, data, 0)
        os.ftruncate(self._descriptor, len(data))

    def holder(self) -> dict[str, Any] | None:
        """What the holder wrote, or None when nobody holds the lock."""
        if not self._path.exists():
            return None
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = self._path.read_text()
            found: dict[str, Any] = json.loads(text) if text else {}
            return found
        finally:
            os.close(descriptor)
        return None
