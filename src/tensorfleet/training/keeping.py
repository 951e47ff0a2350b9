"""Watches the folder in which own code runs, and keeps what it writes there (see `kept_files`)."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import NotFound, TensorFleetError
from tensorfleet.kit.units import format_bytes
from tensorfleet.training.kept_files import MOST_FILES, PART_BYTES, Kept, KeptFile, Signs, is_whole, scan

if TYPE_CHECKING:
    from tensorfleet.objects.ports import ObjectStore

LOOK_S = 1.0
REST_NS = 200_000_000
SHARE = 0.02
"""Of a core's time, at most, for looking."""
MOST_BYTES = 2 * 1024**3


class Keeper:
    """Keeps the files of one attempt: those that are not as they were unpacked, each once it has stopped changing.

    Args:
        unpacked: the files as they were before any code ran.
        most_bytes: of all kept files together.
    """

    def __init__(
        self,
        objects: Callable[[], ObjectStore],
        job_id: str,
        attempt: int,
        folder: Path,
        unpacked: Signs,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._objects = objects
        self._job_id = job_id
        self._attempt = attempt
        self._folder = folder
        self._unpacked = unpacked
        self._most_bytes = most_bytes
        self._last = self._changed()
        self._kept = Kept(job_id, attempt, {})
        self._stored: set[str] = set()
        self._told: set[str] = set()
        self._begun = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="tensorfleet-files", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Keeps what there is now, finished or not, and stops."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self._look(final=True)

    @property
    def files(self) -> list[dict[str, Any]]:
        """What is kept: `{path, bytes, sha256}`."""
        found = sorted(self._kept.files.items())
        return [{"path": name, "bytes": one.bytes, "sha256": one.sha256} for name, one in found]

    def _watch(self) -> None:
        wait_s = LOOK_S
        while not self._over.wait(wait_s):
            began = time.thread_time()
            self._look(final=False)
            wait_s = max(LOOK_S, (time.thread_time() - began) / SHARE)

    def _changed(self) -> Signs:
        return {name: sign for name, sign in scan(self._folder).items() if self._unpacked.get(name) != sign}

    def _look(self, final: bool) -> None:
        try:
            found = self._changed()
            at_rest = {name: sign for name, sign in found.items() if final or self._rests(name, sign)}
            self._last = found
            self._keep(at_rest, found)
        except (TensorFleetError, OSError) as error:
            said = error.detail if isinstance(error, TensorFleetError) else str(error)
            self._tell("failed", f"files of this job could not be kept for another worker: {said}")

    def _rests(self, name: str, sign: tuple[int, int]) -> bool:
        """Whether nobody seems to be writing it just now; a snapshot that is written often is whole in between."""
        if self._last.get(name) == sign:
            return True
        whole = is_whole(self._folder / name)
        return time.time_ns() - sign[1] > REST_NS if whole is None else whole

    def _keep(self, at_rest: Signs, found: Signs) -> None:
        """Stores what is new among the files at rest; those that are being written stay as they were kept."""
        known = self._kept.files
        files = {name: one for name, one in known.items() if name in found}
        new = [name for name, sign in at_rest.items() if name not in files or files[name].sign != sign]
        room = self._most_bytes - sum(one.bytes for name, one in files.items() if name not in new)
        for name in sorted(new, key=lambda name: at_rest[name][0]):
            if at_rest[name][0] > room:
                self._tell_too_much(name, at_rest[name][0])
                files.pop(name, None)
                continue
            one = self._store(name, at_rest[name])
            if one is not None:
                files[name] = one
                room -= one.bytes
        if files != known:
            self._publish(files)

    def _store(self, name: str, sign: tuple[int, int]) -> KeptFile | None:
        """Stores the parts of one file; None when it changed meanwhile, or is gone."""
        path = self._folder / name
        parts: list[str] = []
        whole = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while data := file.read(PART_BYTES):
                    parts.append(self._store_part(data))
                    whole.update(data)
            status = path.stat()
        except FileNotFoundError:
            return None
        if (status.st_size, status.st_mtime_ns) != sign:
            return None
        return KeptFile(sign[0], sign[1], status.st_mode & 0o777, whole.hexdigest(), tuple(parts))

    def _store_part(self, data: bytes) -> str:
        sha = hashlib.sha256(data).hexdigest()
        if sha not in self._stored:
            self._objects().put(f"{self._kept.prefix}/{sha}", data)
            self._stored.add(sha)
        return sha

    def _publish(self, files: dict[str, KeptFile]) -> None:
        """The list comes after what it names, and what no list names any more goes last."""
        self._kept = Kept(self._job_id, self._attempt, files)
        self._objects().put(self._kept.key, self._kept.to_bytes())
        if not self._begun:
            self._begun = True
            self._remove_earlier()
        unused = self._stored - {sha for one in files.values() for sha in one.parts}
        for sha in unused:
            self._objects().delete(f"{self._kept.prefix}/{sha}")
        self._stored -= unused

    def _remove_earlier(self) -> None:
        root = f"files/{self._job_id}"
        with contextlib.suppress(NotFound):
            for info in list(self._objects().list(root)):
                attempt = info.key.removeprefix(f"{root}/").partition("/")[0]
                if attempt.isdigit() and int(attempt) < self._attempt:
                    self._objects().delete(info.key)

    def _tell_too_much(self, name: str, size: int) -> None:
        limit = format_bytes(self._most_bytes)
        self._tell(
            name,
            f"{name} ({format_bytes(size)}) is not kept for another worker: of what a job writes where it runs"
            f" at most {limit} and {MOST_FILES} files are",
        )

    def _tell(self, what: str, message: str) -> None:
        if what not in self._told:
            self._told.add(what)
            print(message, file=sys.stderr, flush=True)
