"""Lends a store to tasks that have no keys of it: looks at what a lease may touch, and hands out addresses for that alone.

Reads of single objects go straight to the store, at addresses that are good for some minutes.  Nothing is ever written at such
an address: small objects come through here, and what large ones are made of lies apart until it is completed here, so that a
lease that is over has written its last at that very moment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

from tensorfleet.errors import InvalidInput, NotFound, NotPermitted, TooLarge, Unavailable
from tensorfleet.objects.blobs import BlobStore
from tensorfleet.objects.ports import ObjectStore, SignedReads, Uploads, check_key
from tensorfleet.objects.rights import Act, Need, attempt_of, chunk_of, folder_of, objection

SMALL_BYTES = 1024**2
"""Larger objects are sent in parts."""
PART_BYTES = 16 * 1024**2
MOST_PARTS = 10_000
AT_ONCE = 64
"""So many addresses are handed out together: of a dataset's next chunks, of an upload's next parts."""
MOST_LISTED = 100_000
MOST_CHUNKS_KNOWN = 1_000_000

Answer = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What a task asks: `op` and its fields, and the bytes that it sends along."""

    fields: Mapping[str, Any]
    data: bytes = b""

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        if not isinstance(value, str) or len(value) > 4096:
            raise InvalidInput(f"a question about objects needs '{name}', a text")
        return value

    def number(self, name: str, most: int) -> int:
        value = self.fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise InvalidInput(f"a question about objects needs '{name}', a number up to {most}")
        return value

    @property
    def key(self) -> str:
        return check_key(self.text("key"))


class ObjectDesk:
    """Carries out what tasks ask.  Thread-safe.

    Args:
        life_s: how long an address is good.
    """

    def __init__(self, objects: ObjectStore, reads: SignedReads, uploads: Uploads, life_s: float) -> None:
        self._objects = objects
        self._reads = reads
        self._uploads = uploads
        self._life_s = life_s
        self._files = _Files(BlobStore(objects).chunk_keys)
        self._ops: dict[str, Callable[[Need, Question], Answer]] = {
            "read": self._read,
            "size": self._size,
            "list": self._list,
            "put": self._put,
            "begin": self._begin,
            "parts": self._parts,
            "complete": self._complete,
            "abort": self._abort,
            "delete": self._delete,
            "ping": self._ping,
        }

    def answer(self, need: Need, question: Question) -> Answer:
        """Raises:
        NotPermitted: it is no part of what the lease needs.
        InvalidInput, NotFound, TooLarge, Unavailable, StorageFull: as the store has it.
        """
        op = self._ops.get(question.text("op"))
        if op is None:
            raise InvalidInput(f"there is no question '{question.text('op')[:40]}' about objects")
        return op(need, question)

    def _check(self, need: Need, act: Act, key: str, sha256: str = "") -> None:
        found = objection(
            need, act, key, is_part=lambda _: self._file_of(need, key) is not None, sha256=sha256
        )
        if found:
            raise NotPermitted(found)

    # ---- reading -----------------------------------------------------------------------------------------------------

    def _read(self, need: Need, question: Question) -> Answer:
        key = question.key
        self._check(need, Act.READ, key)
        file = self._file_of(need, key) if chunk_of(key) else None
        keys = [key] if file is None else file.around(key)
        urls = self._reads.read_urls(keys, self._life_s)
        return {"urls": dict(zip(keys, urls, strict=True)), "good_for_s": self._life_s}

    def _file_of(self, need: Need, key: str) -> _File | None:
        """Of the files that the job was given, the one that a chunk is a part of."""
        files = (self._files.find(digest) for digest in sorted(need.blobs))
        return next((file for file in files if file is not None and key in file.places), None)

    def _size(self, need: Need, question: Question) -> Answer:
        self._check(need, Act.READ, question.key)
        return {"bytes": self._objects.size(question.key)}

    def _list(self, need: Need, question: Question) -> Answer:
        folder = check_key(question.text("key").rstrip("/"))
        self._check(need, Act.LIST, folder)
        found: list[tuple[str, int]] = []
        for item in self._objects.list(folder):
            found.append((item.key, item.bytes))
            if len(found) > MOST_LISTED:
                raise TooLarge(f"there are more than {MOST_LISTED} objects in {folder}; remove some")
        return {"items": found}

    def _ping(self, need: Need, question: Question) -> Answer:
        self._objects.ping()
        return {}

    # ---- writing -----------------------------------------------------------------------------------------------------

    def _put(self, need: Need, question: Question) -> Answer:
        if len(question.data) > SMALL_BYTES:
            raise TooLarge(f"an object of {len(question.data)} bytes is sent in parts")
        self._check(need, Act.WRITE, question.key, hashlib.sha256(question.data).hexdigest())
        overwrite = question.fields.get("overwrite") is not False
        return {"stored": self._objects.put(question.key, question.data, overwrite=overwrite)}

    def _begin(self, need: Need, question: Question) -> Answer:
        key, size = question.key, question.number("size", 1 << 50)
        self._check(need, Act.WRITE, key)
        part_bytes = max(PART_BYTES, -(-size // MOST_PARTS))
        with suppress(NotPermitted):  # keys that may not list uploads are good for all else
            self._clear(need, key)
        return {"upload": self._uploads.begin(key), "part_bytes": part_bytes}

    def _clear(self, need: Need, key: str) -> None:
        """Nobody else writes this key, and no earlier attempt is to write any more: what there is of them was cut off."""
        for other, upload in self._uploads.unfinished(folder_of(need, key)):
            if other == key or (attempt_of(need, other) or 0) < need.attempt:
                self._uploads.abort(other, upload)

    def _parts(self, need: Need, question: Question) -> Answer:
        key, first = question.key, question.number("first", MOST_PARTS)
        self._check(need, Act.WRITE, key)
        numbers = range(max(1, first), min(MOST_PARTS, max(1, first) + AT_ONCE - 1) + 1)
        urls = self._uploads.part_urls(key, question.text("upload"), numbers, self._life_s)
        return {"urls": {str(n): url for n, url in zip(numbers, urls, strict=True)}}

    def _complete(self, need: Need, question: Question) -> Answer:
        key, size = question.key, question.number("size", 1 << 50)
        self._check(need, Act.WRITE, key)
        try:
            self._uploads.complete(key, question.text("upload"), _etags(question.fields.get("etags")))
        except NotFound:
            # The answer to an earlier such question may have been lost.
            if self._objects.size(key) != size:
                raise Unavailable(f"the upload of '{key}' was given up; send it again") from None
        return {}

    def _abort(self, need: Need, question: Question) -> Answer:
        self._check(need, Act.WRITE, question.key)
        self._uploads.abort(question.key, question.text("upload"))
        return {}

    def _delete(self, need: Need, question: Question) -> Answer:
        self._check(need, Act.DELETE, question.key)
        self._objects.delete(question.key)
        return {}


def _etags(given: Any) -> Sequence[str]:
    if not isinstance(given, list) or not 0 < len(given) <= MOST_PARTS:
        raise InvalidInput(f"an upload has 1 to {MOST_PARTS} parts")
    if not all(isinstance(one, str) and len(one) <= 200 for one in given):
        raise InvalidInput("an upload's parts are named by their ETags")
    return given


class _File:
    """The chunks of a file: their keys in order, and the place of each."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys
        self.places = {key: index for index, key in reversed(list(enumerate(keys)))}

    def __len__(self) -> int:
        return len(self._keys)

    def around(self, key: str) -> list[str]:
        """A chunk and those beside it: whoever reads a file asks once for many."""
        first = self.places[key] // AT_ONCE * AT_ONCE
        return list(dict.fromkeys([key, *self._keys[first : first + AT_ONCE]]))


class _Files:
    """What was asked for lately, by digest; files do not change."""

    def __init__(self, read: Callable[[str], list[str]]) -> None:
        self._read = read
        self._known: dict[str, _File] = {}
        self._lock = Lock()

    def find(self, digest: str) -> _File | None:
        with self._lock:
            known = self._known.pop(digest, None)
            if known is not None:
                self._known[digest] = known  # the latest is the last
                return known
        try:
            found = _File(self._read(digest))
        except NotFound:
            return None
        with self._lock:
            self._known[digest] = found
            while len(self._known) > 1 and sum(map(len, self._known.values())) > MOST_CHUNKS_KNOWN:
                del self._known[next(iter(self._known))]
        return found
