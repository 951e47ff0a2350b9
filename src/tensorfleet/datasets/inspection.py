"""Starts `inspect` as a short-lived process, so that its memory, or a hostile file, ends with it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any

from tensorfleet.datasets.model import Column, Format, Inspection
from tensorfleet.errors import DataInvalid, Internal, Unavailable

PREVIEW_S = 30.0
_GRACE_S = 15.0


class Inspector:
    """Inspects blobs of one object store, a few at a time.  Thread-safe."""

    def __init__(self, objects_url: str, *, timeout_s: float = 1800.0, at_once: int = 2) -> None:
        self._objects_url = objects_url
        self._timeout_s = timeout_s
        self._turns = threading.BoundedSemaphore(at_once)
        self._preview_turns = threading.BoundedSemaphore(
            at_once
        )  # nobody waits for half an hour to see some rows

    def inspect(self, digest: str, file_format: Format) -> Inspection:
        """What is in the blob.

        Raises:
            DataInvalid: it is not a table in that format, or reading it needs too much memory or time.
        """
        with self._turns:
            answer = self._ask(digest, file_format, self._timeout_s)
        columns = tuple(Column(**column) for column in answer.pop("columns"))
        return Inspection(columns=columns, **answer)

    def preview(self, digest: str, file_format: Format, offset: int, limit: int) -> list[list[Any]]:
        """Some of its rows, as `preview` gives them.

        Raises:
            DataInvalid: as `inspect`.
            Unavailable: too many ask at the same time.
        """
        if not self._preview_turns.acquire(timeout=PREVIEW_S / 3):
            raise Unavailable("many look at rows of datasets just now; ask again in a moment")
        try:
            rows = ("--offset", str(offset), "--limit", str(limit))
            found: list[list[Any]] = self._ask(digest, file_format, PREVIEW_S, *rows)["rows"]
            return found
        finally:
            self._preview_turns.release()

    def _ask(self, digest: str, file_format: Format, timeout_s: float, *more: str) -> dict[str, Any]:
        module = [sys.executable, "-m", "tensorfleet.datasets.inspect"]
        options = ["--objects", self._objects_url, "--digest", digest, "--timeout", str(timeout_s)]
        command = [*module, "--format", file_format, *options, *more]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s + _GRACE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DataInvalid(f"reading the file took longer than {timeout_s:.0f} s") from error
        if done.returncode < 0:
            raise DataInvalid(
                f"reading the file was ended by signal {-done.returncode}; it may need too much memory"
            )
        if done.returncode:
            last_line = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise Internal(f"the inspection of a file failed: {last_line[:300]}")
        answer: dict[str, Any] = json.loads(done.stdout)
        if "error" in answer:
            raise (Unavailable if answer.get("retriable") else DataInvalid)(answer["error"])
        return answer
