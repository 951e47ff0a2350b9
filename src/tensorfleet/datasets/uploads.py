"""Uploads in chunks that survive a lost connection.

Each chunk goes straight to the object store; what has arrived is noted in `folder/<id>/<index>`.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from tensorfleet.audit.current import note
from tensorfleet.errors import Conflict, InvalidInput, NotFound, StorageFull, TooLarge, Unavailable
from tensorfleet.kit.files import is_full, write_atomic
from tensorfleet.kit.ids import new_id
from tensorfleet.objects.blobs import CHUNK_BYTES, Blob, BlobStore

_ID = re.compile(r"u-[0-9a-z]{16}")
_KEPT_S = 7 * 24 * 3600.0


@dataclass(frozen=True)
class _Chunk:
    sha256: str
    bytes: int


class Uploads:
    """Upload sessions.  Thread-safe; chunks come in any order and may come twice."""

    def __init__(self, blobs: BlobStore, folder: Path, max_bytes: int) -> None:
        self._blobs = blobs
        self._folder = folder
        self._max_bytes = max_bytes

    def begin(self) -> str:
        """Starts a session and returns its id; sessions that nobody touched for a week are aborted."""
        self._abort_old()
        upload_id = new_id("u")
        try:
            (self._folder / upload_id).mkdir(parents=True)
            note(target=("upload", upload_id))
        except OSError as error:
            raise _translated(error, self._folder) from error
        return upload_id

    def put_chunk(self, upload_id: str, index: int, data: bytes, sha256: str | None = None) -> str:
        """Stores chunk `index` and returns its SHA-256.

        Raises:
            NotFound: there is no such session.
            InvalidInput: the chunk does not have the given SHA-256, or is empty or too long.
            TooLarge: the upload would be larger than allowed.
        """
        session = self._session(upload_id)
        if index < 0:
            raise InvalidInput(f"chunk {index}: chunks are numbered from 0")
        if index * CHUNK_BYTES + len(data) > self._max_bytes:
            raise TooLarge(f"the upload is larger than the {self._max_bytes} bytes that are allowed")
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256.lower():
            raise InvalidInput(
                f"chunk {index} does not have the SHA-256 {sha256[:64]}: it was damaged; send it again"
            )
        sha = self._blobs.put_chunk(data)
        try:
            write_atomic(session / str(index), json.dumps({"sha256": sha, "bytes": len(data)}).encode())
        except OSError as error:
            self._blobs.discard([sha])
            raise _translated(error, session) from error
        return sha

    def chunks(self, upload_id: str) -> dict[int, str]:
        """The SHA-256 of each chunk that has arrived, by index."""
        return {index: entry.sha256 for index, entry in sorted(self._entries(upload_id).items())}

    def commit(self, upload_id: str) -> Blob:
        """Makes one file of the chunks; the session stays until `forget`.

        Raises:
            NotFound: there is no such session.
            Conflict: chunks are missing.
            InvalidInput: a chunk that is not the last one is short.
        """
        entries = self._entries(upload_id)
        for index in range(len(entries)):
            if index not in entries:
                raise Conflict(f"chunk {index} of the upload has not arrived; send it, then commit again")
            if index < len(entries) - 1 and entries[index].bytes != CHUNK_BYTES:
                size = entries[index].bytes
                raise InvalidInput(
                    f"chunk {index} has {size} bytes; all but the last must have {CHUNK_BYTES}"
                )
        ordered = [entries[index] for index in range(len(entries))]
        try:
            return self._blobs.commit(
                [entry.sha256 for entry in ordered], sum(entry.bytes for entry in ordered)
            )
        except Conflict:
            for index, entry in entries.items():
                if not self._blobs.has_chunk(entry.sha256):
                    (self._folder / upload_id / str(index)).unlink(missing_ok=True)
            raise

    def forget(self, upload_id: str) -> None:
        """Ends the session; its chunks stay where they are."""
        shutil.rmtree(self._session(upload_id), ignore_errors=True)

    def abort(self, upload_id: str) -> None:
        """Ends the session and removes those of its chunks that no file has."""
        chunks = self.chunks(upload_id).values()
        self.forget(upload_id)
        self._blobs.discard(chunks)

    def _abort_old(self) -> None:
        for session in self._folder.glob("u-*"):
            try:
                if time.time() - session.stat().st_mtime > _KEPT_S:
                    self.abort(session.name)
            except (FileNotFoundError, NotFound):
                continue

    def _entries(self, upload_id: str) -> dict[int, _Chunk]:
        session = self._session(upload_id)
        return {
            int(path.name): _Chunk(**json.loads(path.read_bytes()))
            for path in session.iterdir()
            if path.name.isdigit()
        }

    def _session(self, upload_id: str) -> Path:
        session = self._folder / upload_id
        if not _ID.fullmatch(upload_id) or not session.is_dir():
            raise NotFound(
                f"there is no upload '{upload_id[:40]}'; it was committed or aborted, or is over a week old"
            )
        return session


def _translated(error: OSError, folder: Path) -> StorageFull | Unavailable | NotFound:
    if is_full(error):
        return StorageFull(f"{folder} has no space left; free some and send the chunk again")
    if isinstance(error, FileNotFoundError):
        return NotFound("the upload was committed or aborted meanwhile")
    return Unavailable(f"{folder} cannot be written: {error.strerror}")
