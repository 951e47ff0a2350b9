"""What the platform needs from an object store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from tensorfleet.errors import InvalidInput

STREAM_BYTES = 4 * 1024**2

_MAX_KEY_BYTES = 900  # S3 ends at 1024, and a store's own prefix counts too
_PART = re.compile(r"(?!\.{1,2}$)[\w.][\w.=@+~, ()-]{0,199}(?<! )", re.UNICODE)


def check_key(key: str) -> str:
    """Returns `key` when every backend can hold it: letters, digits, spaces, `._-=@+~,()`, parts between `/`.

    Raises:
        InvalidInput: it is empty, absolute or too long, or a part is empty, `.`, `..` or no plain name.
    """
    if not key or len(key.encode("utf-8", "replace")) > _MAX_KEY_BYTES:
        raise InvalidInput(
            f"object key {key[:60]!r} is {'empty' if not key else f'longer than {_MAX_KEY_BYTES} bytes'}"
        )
    for part in key.split("/"):
        if not _PART.fullmatch(part):
            raise InvalidInput(
                f"object key {key[:200]!r} cannot be used: its part {part[:60]!r} is not a plain name"
            )
    return key


@dataclass(frozen=True)
class ObjectInfo:
    """One object of a listing."""

    key: str
    bytes: int


class ObjectStore(Protocol):
    """Bytes under keys (see `check_key`).

    Every method is synchronous, may be called from any thread, and checks its key first (`InvalidInput`).  An
    object is seen whole or not at all: a writer that dies, or a full disk, leaves the old object or none.

    Raises (every method):
        Unavailable: the store cannot be reached; the call may be repeated.
        NotPermitted: the store refuses the credentials.
        StorageFull: there is no space for what is put.
    """

    def put(self, key: str, data: bytes, *, overwrite: bool = True) -> bool:
        """Stores `data`, durably; with `overwrite=False` leaves an existing object and returns False.

        Of several such writers at the same time exactly one gets True.
        """
        ...

    def get(self, key: str) -> bytes:
        """The whole object, in memory.

        Raises:
            NotFound: there is no such object.
        """
        ...

    def get_range(self, key: str, start: int, end: int) -> bytes:
        """Bytes `start` up to but not including `end`, fewer where the object ends before.

        Raises:
            NotFound: there is no such object.
        """
        ...

    def stream(self, key: str, chunk_bytes: int = STREAM_BYTES) -> Iterator[bytes]:
        """The object in pieces of at most `chunk_bytes`, of which one is in memory at a time.

        Raises:
            NotFound: there is no such object.
            Conflict: the object was replaced while it was read.
        """
        ...

    def copy(self, source: str, target: str) -> None:
        """Makes `target` the same bytes as `source`, without reading them here; an object that was there is replaced.

        Raises:
            NotFound: there is no `source`.
        """
        ...

    def size(self, key: str) -> int | None:
        """Its bytes, or None when there is no such object."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object in the folder `prefix` and below (all objects when it is empty), in no order."""
        ...

    def delete(self, key: str) -> None:
        """Removes the object; nothing happens when there is none."""
        ...

    def ping(self) -> None:
        """Returns when the store answers."""
        ...


@runtime_checkable
class LocalFiles(Protocol):
    """A store whose objects are files of this machine."""

    def local_path(self, key: str) -> Path:
        """Where the object lies, for reading only; it need not exist."""
        ...


@runtime_checkable
class SignedReads(Protocol):
    """A store that can let others read single objects for a while, who have no keys of it."""

    def read_urls(self, keys: Sequence[str], life_s: float) -> list[str]:
        """For each key an address that answers GET, also of a range, for `life_s`; the object need not be there."""
        ...


class Uploads(Protocol):
    """Objects that others, who have no keys of the store, write in parts: nothing is to be seen before `complete`.

    Raises (every method):
        Unavailable, NotPermitted, StorageFull: as `ObjectStore`.
    """

    def begin(self, key: str) -> str:
        """The name of a new upload."""
        ...

    def part_urls(self, key: str, upload: str, numbers: Sequence[int], life_s: float) -> list[str]:
        """For each part, counted from 1, an address that takes it by PUT for `life_s` and answers its ETag."""
        ...

    def complete(self, key: str, upload: str, etags: Sequence[str]) -> None:
        """Makes the parts the object; one that was there is replaced.

        Raises:
            NotFound: the upload is over: completed before, or given up.
            Conflict: a part is missing, or is another one.
        """
        ...

    def abort(self, key: str, upload: str) -> None:
        """Removes what was sent; nothing happens when the upload is over."""
        ...

    def unfinished(self, folder: str) -> list[tuple[str, str]]:
        """`(key, upload)` of those below a folder that were begun and are not over."""
        ...
