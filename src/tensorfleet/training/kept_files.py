"""What own code writes where it runs, kept in the object store beside the training, for an attempt on another worker.

Below `files/<job>/<attempt>/` lie the parts of files under their SHA-256, and `kept.json`, which says what they make.  Each
attempt writes under its own number only, so that one which goes on unheard on a lost worker spoils nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import NotFound

if TYPE_CHECKING:
    from tensorfleet.objects.ports import ObjectStore

Signs = dict[str, tuple[int, int]]
"""By path: size in bytes and time of the last change in nanoseconds; what tells a file from what it was before."""

PART_BYTES = 16 * 1024**2
PIECE_BYTES = 1024**2
MOST_FILES = 10_000
_ZIP = b"PK\x03\x04"
_MANIFEST = "kept.json"
_SKIPPED = frozenset({"__pycache__", ".git", ".tensorfleet", ".ipynb_checkpoints"})


class Damaged(Exception):
    """The store has other bytes than were kept."""


@dataclass(frozen=True)
class KeptFile:
    """One file: `parts` are the SHA-256 of its pieces, in order."""

    bytes: int
    at_ns: int
    mode: int
    sha256: str
    parts: tuple[str, ...]

    @property
    def sign(self) -> tuple[int, int]:
        return self.bytes, self.at_ns


@dataclass(frozen=True)
class Kept:
    """All that is kept of one attempt, by path."""

    job_id: str
    attempt: int
    files: Mapping[str, KeptFile]

    @property
    def prefix(self) -> str:
        return f"files/{self.job_id}/{self.attempt}"

    @property
    def key(self) -> str:
        return f"{self.prefix}/{_MANIFEST}"

    def to_bytes(self) -> bytes:
        return json.dumps({"files": {name: asdict(one) for name, one in self.files.items()}}).encode()


def scan(folder: Path) -> Signs:
    """The plain files below `folder`, without caches and links; at most MOST_FILES of them."""
    found: Signs = {}
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(root, name)
            try:
                status = path.lstat()
            except OSError:
                continue  # gone already: a temporary file
            if stat.S_ISREG(status.st_mode):
                found[path.relative_to(folder).as_posix()] = (status.st_size, status.st_mtime_ns)
            if len(found) >= MOST_FILES:
                return found
    return found


def is_whole(path: Path) -> bool | None:
    """Whether a file that begins as what `torch.save` and `numpy.savez` write has its end too; None for any other file."""
    try:
        with path.open("rb") as file:
            return zipfile.is_zipfile(file) if file.read(len(_ZIP)) == _ZIP else None
    except OSError:
        return None


def find(objects: ObjectStore, job_id: str) -> Kept | None:
    """What the job's last attempt that left anything has left."""
    attempts = []
    try:
        for info in objects.list(f"files/{job_id}"):
            attempt, _, name = info.key.removeprefix(f"files/{job_id}/").partition("/")
            if name == _MANIFEST and attempt.isdigit():
                attempts.append(int(attempt))
    except NotFound:
        return None
    found = (_read(objects, job_id, attempt) for attempt in sorted(attempts, reverse=True))
    return next((kept for kept in found if kept is not None), None)


def _read(objects: ObjectStore, job_id: str, attempt: int) -> Kept | None:
    try:
        files = json.loads(objects.get(Kept(job_id, attempt, {}).key))["files"]
        return Kept(job_id, attempt, {name: _file_of(name, one) for name, one in files.items()})
    except (NotFound, ValueError, KeyError, TypeError, AttributeError):
        return None


def _file_of(name: str, one: dict[str, Any]) -> KeptFile:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        raise ValueError(f"{name!r} leads out of the folder")
    return KeptFile(**{**one, "parts": tuple(one["parts"])})


def restore(objects: ObjectStore, kept: Kept, name: str, folder: Path, beat: Callable[[], object]) -> None:
    """Writes one file below `folder` as it was kept, with the time of its last change; whole or not at all.

    Raises:
        NotFound: the store has lost a part of it.
        Damaged: what the store has is not what was kept.
    """
    one = kept.files[name]
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name[:200]}.part")
    whole = hashlib.sha256()
    try:
        with part.open("wb") as file:
            for sha in one.parts:
                data = objects.get(f"{kept.prefix}/{sha}")
                whole.update(data)
                file.write(data)
                beat()
        if whole.hexdigest() != one.sha256:
            raise Damaged("its SHA-256 is not the one that was noted")
        part.chmod(0o700 if one.mode & stat.S_IXUSR else 0o600)
        os.utime(part, ns=(one.at_ns, one.at_ns))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def read(objects: ObjectStore, kept: Kept, one: KeptFile, start: int, end: int) -> Iterator[bytes]:
    """The bytes `start` up to `end` of a kept file, in pieces.

    Raises:
        NotFound: a part is gone, such as when a running job has written the file anew.
    """
    while start < end:
        part, offset = divmod(start, PART_BYTES)
        stop = min(offset + end - start, offset + PIECE_BYTES, PART_BYTES)
        yield objects.get_range(f"{kept.prefix}/{one.parts[part]}", offset, stop)
        start += stop - offset
