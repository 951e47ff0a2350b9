"""What is lent, and how: with a store in memory in the place of S3."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tensorfleet.errors import InvalidInput, NotFound, NotPermitted, TooLarge, Unavailable
from tensorfleet.objects import desk as module
from tensorfleet.objects.blobs import CHUNK_BYTES, BlobStore
from tensorfleet.objects.desk import AT_ONCE, PART_BYTES, SMALL_BYTES, ObjectDesk, Question
from tensorfleet.objects.ports import ObjectInfo
from tensorfleet.objects.rights import Need

NEED = Need("j-1", 2, 0)
MINE = "checkpoints/j-1/2-5.safetensors"
THEIRS = "checkpoints/j-2/2-5.safetensors"


class Memory:
    """A store that also signs and takes uploads; `calls` are what it was asked to change."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.uploads: dict[str, str] = {}
        self.reads = 0
        self.calls: list[tuple[str, ...]] = []
        self.may_list_uploads = True

    def get(self, key: str) -> bytes:
        self.reads += 1
        try:
            return self.held[key]
        except KeyError:
            raise NotFound(key) from None

    def put(self, key: str, data: bytes, *, overwrite: bool = True) -> bool:
        self.calls.append(("put", key))
        if not overwrite and key in self.held:
            return False
        self.held[key] = data
        return True

    def size(self, key: str) -> int | None:
        return len(self.held[key]) if key in self.held else None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        yield from (
            ObjectInfo(key, len(data)) for key, data in self.held.items() if key.startswith(f"{prefix}/")
        )

    def delete(self, key: str) -> None:
        self.calls.append(("delete", key))
        self.held.pop(key, None)

    def ping(self) -> None:
        self.calls.append(("ping",))

    def read_urls(self, keys: Sequence[str], life_s: float) -> list[str]:
        return [f"https://s3/{key}?for={life_s:g}" for key in keys]

    def begin(self, key: str) -> str:
        name = f"u-{len(self.calls)}"
        self.calls.append(("begin", key))
        self.uploads[name] = key
        return name

    def part_urls(self, key: str, upload: str, numbers: Sequence[int], life_s: float) -> list[str]:
        return [f"https://s3/{key}?{upload}&{number}" for number in numbers]

    def complete(self, key: str, upload: str, etags: Sequence[str]) -> None:
        if self.uploads.pop(upload, None) is None:
            raise NotFound(upload)
        self.calls.append(("complete", key, *etags))

    def abort(self, key: str, upload: str) -> None:
        self.calls.append(("abort", key))
        self.uploads.pop(upload, None)

    def unfinished(self, folder: str) -> list[tuple[str, str]]:
        if not self.may_list_uploads:
            raise NotPermitted("no")
        return [(key, name) for name, key in self.uploads.items() if key.startswith(f"{folder}/")]


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def desk(memory: Memory) -> ObjectDesk:
    return ObjectDesk(memory, memory, memory, 300)  # type: ignore[arg-type]


def ask(
    desk: ObjectDesk, op: str, key: str, data: bytes = b"", need: Need = NEED, **more: Any
) -> dict[str, Any]:
    return desk.answer(need, Question({"op": op, "key": key, **more}, data))


@pytest.mark.parametrize(
    ("op", "more"),
    [
        ("read", {}),
        ("size", {}),
        ("put", {}),
        ("begin", {"size": 10**8}),
        ("parts", {"upload": "u", "first": 1}),
        ("complete", {"upload": "u", "size": 1, "etags": ["e"]}),
        ("abort", {"upload": "u"}),
        ("delete", {}),
        ("list", {}),
    ],
)
def test_every_question_is_looked_at(desk: ObjectDesk, memory: Memory, op: str, more: dict[str, Any]) -> None:
    memory.held[THEIRS] = b"x"
    for key in (THEIRS, "checkpoints/j-2"):
        with pytest.raises(NotPermitted, match="no part of what the job needs"):
            ask(desk, op, key, **more)
    assert memory.calls == []


@pytest.mark.parametrize(
    "key", ["checkpoints/j-1/../j-2/1-1.safetensors", "checkpoints/j-1/%2e%2e/x", "/x", "a//b", ""]
)
@pytest.mark.parametrize("op", ["read", "size", "put", "delete", "list"])
def test_ways_out_of_a_folder(desk: ObjectDesk, op: str, key: str) -> None:
    with pytest.raises(InvalidInput):
        ask(desk, op, key)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"op": "steal", "key": MINE},
        {"op": ["read"], "key": MINE},
        {"op": "read"},
        {"op": "read", "key": 7},
        {"op": "begin", "key": MINE},
        {"op": "begin", "key": MINE, "size": -1},
        {"op": "begin", "key": MINE, "size": True},
        {"op": "begin", "key": MINE, "size": 1 << 60},
        {"op": "parts", "key": MINE, "upload": "u", "first": "1"},
        {"op": "complete", "key": MINE, "upload": "u", "size": 1, "etags": []},
        {"op": "complete", "key": MINE, "upload": "u", "size": 1, "etags": "e"},
        {"op": "complete", "key": MINE, "upload": "u", "size": 1, "etags": [7]},
        {"op": "complete", "key": MINE, "upload": "u" * 5000, "size": 1, "etags": ["e"]},
    ],
)
def test_questions_that_are_none(desk: ObjectDesk, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        desk.answer(NEED, Question(fields))


def test_an_address_of_one_object(desk: ObjectDesk) -> None:
    answer = ask(desk, "read", MINE)
    assert answer == {"urls": {MINE: f"https://s3/{MINE}?for=300"}, "good_for_s": 300}


def test_a_file_is_read_with_few_questions(
    desk: ObjectDesk, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tensorfleet.objects.blobs.CHUNK_BYTES", 4)
    pieces = [b"%04d" % (n % 150) for n in range(200)]
    digest = BlobStore(memory).put_stream(pieces).digest  # type: ignore[arg-type]
    keys = BlobStore(memory).chunk_keys(digest)  # type: ignore[arg-type]
    need = Need("j-1", 1, 0, frozenset({digest, "f" * 64}))
    memory.reads = 0
    given = ask(desk, "read", keys[70], need=need)["urls"]
    assert set(given) == set(keys[AT_ONCE : 2 * AT_ONCE])
    assert keys[199] in ask(desk, "read", keys[199], need=need)["urls"], "a chunk that is there twice"
    assert memory.reads <= 3, "the list of chunks was read once; the other file is not there"
    with pytest.raises(NotPermitted):
        ask(desk, "read", keys[70], need=NEED)


def test_few_lists_of_chunks_are_kept(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CHUNKS_KNOWN", 1)
    desk = ObjectDesk(memory, memory, memory, 300)  # type: ignore[arg-type]
    blobs = BlobStore(memory)  # type: ignore[arg-type]
    digests = [blobs.put_stream([text]).digest for text in (b"one", b"two")]
    for digest in (*digests, *digests):
        ask(desk, "read", blobs.chunk_keys(digest)[0], need=Need("j", 1, 0, frozenset({digest})))
    assert len(desk._files._known) == 1


def test_small_objects_come_through(desk: ObjectDesk, memory: Memory) -> None:
    assert ask(desk, "put", MINE, b"one") == {"stored": True}
    assert ask(desk, "put", MINE, b"two", overwrite=False) == {"stored": False}
    assert memory.held[MINE] == b"one"
    assert ask(desk, "size", MINE) == {"bytes": 3}
    assert ask(desk, "list", "checkpoints/j-1/") == {"items": [(MINE, 3)]}
    ask(desk, "delete", MINE)
    assert ask(desk, "size", MINE) == {"bytes": None}
    assert ask(desk, "ping", "") == {}
    with pytest.raises(TooLarge):
        ask(desk, "put", MINE, bytes(SMALL_BYTES + 1))


def test_a_document_has_to_be_what_its_name_says(desk: ObjectDesk) -> None:
    name = hashlib.sha256(b"{}").hexdigest()
    assert ask(desk, "put", f"provenance/{name}.json", b"{}", overwrite=False) == {"stored": True}
    with pytest.raises(NotPermitted):
        ask(desk, "put", f"provenance/{name}.json", b"{1}")
    with pytest.raises(NotPermitted):
        ask(desk, "begin", f"provenance/{name}.json", size=2)


def test_a_long_list_is_refused(desk: ObjectDesk, memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LISTED", 1)
    memory.held = {f"files/j-1/1/{n}": b"" for n in range(3)}
    with pytest.raises(TooLarge, match="more than 1 objects"):
        ask(desk, "list", "files/j-1")


def test_an_upload(desk: ObjectDesk, memory: Memory) -> None:
    begun = ask(desk, "begin", MINE, size=100)
    assert begun["part_bytes"] == PART_BYTES
    urls = ask(desk, "parts", MINE, upload=begun["upload"], first=0)["urls"]
    assert list(urls) == [str(n) for n in range(1, AT_ONCE + 1)]
    assert list(ask(desk, "parts", MINE, upload="u", first=10_000)["urls"]) == ["10000"]
    ask(desk, "complete", MINE, upload=begun["upload"], size=100, etags=["a", "b"])
    assert memory.calls[-1] == ("complete", MINE, "a", "b")
    assert ask(desk, "begin", MINE, size=10**12)["part_bytes"] == 10**8, "not more parts than S3 takes"


def test_an_answer_that_was_lost(desk: ObjectDesk, memory: Memory) -> None:
    """The upload is over; whether it was completed, its object tells."""
    memory.held[MINE] = bytes(100)
    assert ask(desk, "complete", MINE, upload="u", size=100, etags=["a"]) == {}
    with pytest.raises(Unavailable, match="given up"):
        ask(desk, "complete", MINE, upload="u", size=99, etags=["a"])


def test_what_was_cut_off_goes(desk: ObjectDesk, memory: Memory) -> None:
    old, same, beside = "checkpoints/j-1/1-5.safetensors", MINE, "checkpoints/j-1/2-6.safetensors"
    others = ("checkpoints/j-1/3-1.safetensors", THEIRS, "models/j-1/1/m")
    memory.uploads = {f"was {key}": key for key in (old, same, beside, *others)}
    ask(desk, "begin", MINE, size=100)
    assert {key for what, key in memory.calls if what == "abort"} == {old, same}
    memory.may_list_uploads = False
    ask(desk, "begin", MINE, size=100)
    ask(desk, "abort", MINE, upload="u")


def test_a_part_holds_a_chunk() -> None:
    assert PART_BYTES >= CHUNK_BYTES, "a chunk is read with one request"
