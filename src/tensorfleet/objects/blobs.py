"""Files of any size, kept by the hash of their content.

A blob is cut into chunks of 8 MiB.  Each chunk is an object named by its SHA-256, so that equal ones are
stored once and an upload that starts again skips them.  A manifest lists the chunks; its hash is the digest.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tensorfleet.errors import Conflict, Internal, InvalidInput, NotFound, StorageFull, Unavailable
from tensorfleet.kit.files import is_full
from tensorfleet.objects.ports import LocalFiles, ObjectStore

CHUNK_BYTES = 8 * 1024**2
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Blob:
    """A stored file."""

    digest: str
    bytes: int


@dataclass(frozen=True)
class _Manifest:
    size: int
    chunks: tuple[str, ...]

    def encode(self) -> bytes:
        fields = {"bytes": self.size, "chunk_bytes": CHUNK_BYTES, "chunks": self.chunks}
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()

    def chunk_size(self, index: int) -> int:
        return min(CHUNK_BYTES, self.size - index * CHUNK_BYTES)


class BlobStore:
    """Content-addressed files on an object store.  Thread-safe; holds at most two chunks in memory."""

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects

    def put_stream(self, pieces: Iterable[bytes]) -> Blob:
        """Stores what `pieces` yields, of whatever sizes; chunks that are there are not written again.

        When it fails, or `pieces` raises, the chunks that it wrote are removed again.
        """
        chunks: list[str] = []
        new: set[str] = set()
        total = 0
        try:
            for chunk in _rechunk(pieces):
                sha, is_new = self._put_chunk(chunk)
                chunks.append(sha)
                total += len(chunk)
                if is_new:
                    new.add(sha)
            return self.commit(chunks, total)
        except BaseException:
            self.discard(new)
            raise

    def put_chunk(self, data: bytes) -> str:
        """Stores one chunk of an upload (all but the last are CHUNK_BYTES long) and returns its SHA-256."""
        if not 0 < len(data) <= CHUNK_BYTES:
            raise InvalidInput(f"a chunk has {len(data)} bytes; it must have 1 to {CHUNK_BYTES}")
        return self._put_chunk(data)[0]

    def commit(self, chunks: Sequence[str], total_bytes: int) -> Blob:
        """Makes a blob of stored chunks.

        Raises:
            InvalidInput: the chunks and the size do not fit together.
            Conflict: a chunk is not there (it was never stored, or another blob's deletion took it).
        """
        manifest = _Manifest(total_bytes, tuple(chunks))
        if len(chunks) != -(-total_bytes // CHUNK_BYTES) or not all(_SHA256.fullmatch(sha) for sha in chunks):
            raise InvalidInput(
                f"{len(chunks)} chunks do not make {total_bytes} bytes in chunks of {CHUNK_BYTES}"
            )
        data = manifest.encode()
        digest = hashlib.sha256(data).hexdigest()
        # The manifest first: a deletion that runs now sees that these chunks are in use.
        is_new = self.objects.put(_manifest_key(digest), data, overwrite=False)
        for index, sha in enumerate(chunks):
            if self.objects.size(_chunk_key(sha)) != manifest.chunk_size(index):
                if is_new:
                    self.objects.delete(_manifest_key(digest))
                raise Conflict(
                    f"chunk {index} of the upload ({sha[:12]}) is not in the object store; send it again"
                )
        return Blob(digest, total_bytes)

    def has_chunk(self, sha: str) -> bool:
        return bool(_SHA256.fullmatch(sha)) and self.objects.size(_chunk_key(sha)) is not None

    def find(self, digest: str) -> Blob | None:
        return (
            Blob(digest, self._manifest(digest).size)
            if self.objects.size(_manifest_key(digest)) is not None
            else None
        )

    def chunk_keys(self, digest: str) -> list[str]:
        """The objects that a blob's bytes lie in, in their order.

        Raises:
            NotFound: there is no such blob.
        """
        return [_chunk_key(sha) for sha in self._manifest(digest).chunks]

    def stream(self, digest: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Bytes `start` up to `end` in pieces of at most a chunk, each verified before it is handed out.

        Raises:
            NotFound: there is no such blob.
            Internal: what is stored is damaged.
        """
        manifest = self._manifest(digest)
        end = manifest.size if end is None else min(end, manifest.size)
        return self._pieces(manifest, start, end)

    def _pieces(self, manifest: _Manifest, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            index, offset = divmod(start, CHUNK_BYTES)
            piece = self._chunk(manifest, index)
            if offset or end - start < len(piece):
                piece = piece[offset : offset + end - start]
            yield piece
            start += len(piece)

    def open(self, digest: str) -> io.RawIOBase:
        """The blob as a file that can be read and seeked; it keeps the chunk of the last read."""
        return _BlobFile(self, self._manifest(digest))

    def fetch(self, digest: str, cache_dir: Path, on_chunk: Callable[[], object] | None = None) -> Path:
        """The blob as a local file, verified; written to `cache_dir` once, however many ask for it at a time.

        A blob of one chunk in a folder store is that chunk's file, without a copy: never write to it.

        Args:
            on_chunk: is called after each chunk, such as for signs of life.

        Raises:
            NotFound, Internal: as `stream`.
            StorageFull: `cache_dir` has no space for it.
        """
        target = cache_dir / digest
        if _SHA256.fullmatch(digest) and target.exists():
            return target  # it was verified when it was written
        manifest = self._manifest(digest)
        if len(manifest.chunks) == 1 and isinstance(self.objects, LocalFiles):
            self._chunk(manifest, 0)
            return self.objects.local_path(_chunk_key(manifest.chunks[0]))
        try:
            cache_dir.mkdir(parents=True, exist_ok=True)
            while not target.exists():
                self._fetch_locked(manifest, target, on_chunk)
        except OSError as error:
            if not is_full(error):
                raise Unavailable(f"{cache_dir} cannot be written: {error.strerror}") from error
            raise StorageFull(f"{cache_dir} has no space for {manifest.size} bytes; free some") from error
        return target

    def _fetch_locked(self, manifest: _Manifest, target: Path, on_chunk: Callable[[], object] | None) -> None:
        part = target.with_name(f".{target.name}.part")
        with part.open("ab") as file:
            # The locked file becomes the target, or goes when its holder fails: look again after waiting.
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                if not target.exists() and _is_at(file, part):
                    file.truncate(0)
                    for piece in self._pieces(manifest, 0, manifest.size):
                        file.write(piece)
                        if on_chunk is not None:
                            on_chunk()
                    file.flush()
                    part.replace(target)
            finally:
                if _is_at(file, part):
                    part.unlink()

    def delete(self, digest: str) -> None:
        """Removes the blob and those of its chunks that no other blob has, if it is there.

        A chunk that an upload finds in place at this very moment may go too; its `commit` then says so.
        """
        try:
            manifest = self._manifest(digest)
        except NotFound:
            return
        self.objects.delete(_manifest_key(digest))
        self.discard(manifest.chunks)

    def discard(self, chunks: Iterable[str]) -> None:
        """Removes chunks, such as those of an upload that was given up, unless a blob has them."""
        unused = set(chunks)
        for item in self.objects.list("blobs") if unused else ():
            try:
                unused.difference_update(self._manifest(Path(item.key).stem).chunks)
            except NotFound:
                continue
        for sha in unused:
            self.objects.delete(_chunk_key(sha))

    def _put_chunk(self, data: bytes) -> tuple[str, bool]:
        sha = hashlib.sha256(data).hexdigest()
        if self.objects.size(_chunk_key(sha)) == len(data):
            return sha, False
        self.objects.put(_chunk_key(sha), data)
        return sha, True

    def _chunk(self, manifest: _Manifest, index: int) -> bytes:
        sha = manifest.chunks[index]
        try:
            data = self.objects.get(_chunk_key(sha))
        except NotFound as error:
            raise Internal(
                f"chunk {index} of a stored file is gone ({_chunk_key(sha)}); upload the file again"
            ) from error
        if hashlib.sha256(data).hexdigest() != sha:
            key = _chunk_key(sha)
            raise Internal(
                f"chunk {index} of a stored file is damaged; remove the object {key} and upload again"
            )
        return data

    def _manifest(self, digest: str) -> _Manifest:
        if not _SHA256.fullmatch(digest):
            raise NotFound(f"'{digest[:80]}' is not the digest of a stored file (64 hexadecimal digits)")
        data = self.objects.get(_manifest_key(digest))
        if hashlib.sha256(data).hexdigest() != digest:
            raise Internal(
                f"the object {_manifest_key(digest)} is damaged; remove it and upload the file again"
            )
        fields = json.loads(data)
        return _Manifest(fields["bytes"], tuple(fields["chunks"]))


class _BlobFile(io.RawIOBase):
    def __init__(self, blobs: BlobStore, manifest: _Manifest) -> None:
        super().__init__()
        self._blobs = blobs
        self._manifest = manifest
        self._position = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._manifest.size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}, before the file's start")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if self._position >= self._manifest.size:
            return 0
        index, offset = divmod(self._position, CHUNK_BYTES)
        if self._held[0] != index:
            self._held = (index, self._blobs._chunk(self._manifest, index))
        piece = memoryview(self._held[1])[offset : offset + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def _is_at(file: io.BufferedWriter, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _rechunk(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of CHUNK_BYTES, the last one shorter."""
    buffer = bytearray()
    for piece in pieces:
        view = memoryview(piece)
        while view:
            taken = view[: CHUNK_BYTES - len(buffer)]
            buffer += taken
            view = view[len(taken) :]
            if len(buffer) == CHUNK_BYTES:
                yield bytes(buffer)
                buffer.clear()
    if buffer:
        yield bytes(buffer)


def _chunk_key(sha: str) -> str:
    return f"chunks/{sha[:2]}/{sha}"


def _manifest_key(digest: str) -> str:
    return f"blobs/{digest}.json"
