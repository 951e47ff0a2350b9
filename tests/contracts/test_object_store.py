"""What every object store must do, run on a folder and on a real S3 server; and blobs on top of each."""

from __future__ import annotations

import hashlib
import os
import resource
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tensorfleet.adapters.objectstore import FolderObjectStore, open_object_store
from tensorfleet.errors import (
    Conflict,
    Internal,
    InvalidInput,
    NotFound,
    NotPermitted,
    StorageFull,
    TensorFleetError,
    Unavailable,
)
from tensorfleet.objects.blobs import CHUNK_BYTES, BlobStore
from tensorfleet.objects.ports import ObjectStore
from tensorfleet.testing.servers import S3Server, s3

HOSTILE_KEYS = [
    "",
    "/etc/passwd",
    "../up",
    "a/../b",
    "a/./b",
    "a//b",
    "a/",
    "nul\0",
    "a\\b",
    "a\nb",
    "#1",
    "x" * 2000,
]


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    with pytest.MonkeyPatch.context() as patch, s3() as server:
        for name, value in server.env().items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return f"file://{tmp_path / 'objects'}"
    server: S3Server = request.getfixturevalue("s3_server")
    return server.url(server.make_bucket(), "some/prefix")


@pytest.fixture
def store(url: str) -> ObjectStore:
    return open_object_store(url)


@pytest.fixture
def blobs(store: ObjectStore) -> BlobStore:
    return BlobStore(store)


def test_what_is_put_is_got(store: ObjectStore) -> None:
    assert store.put("models/j-1/0/MLmodel", b"one")
    assert store.get("models/j-1/0/MLmodel") == b"one"
    assert store.put("models/j-1/0/MLmodel", b"second")
    assert store.get("models/j-1/0/MLmodel") == b"second"
    assert store.size("models/j-1/0/MLmodel") == 6
    assert store.put("empty", b"")
    assert store.get("empty") == b""


@pytest.mark.parametrize("key", ["a b.txt", "ünïcode/ключ", "x=1/y@2,~+.bin", ".hidden/file", "a(1).txt"])
def test_keys_keep_their_names(store: ObjectStore, key: str) -> None:
    store.put(key, b"x")
    assert store.get(key) == b"x"
    assert [item.key for item in store.list("")] == [key]


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_hostile_keys_are_refused(store: ObjectStore, key: str) -> None:
    for call in (
        store.get,
        store.size,
        store.delete,
        lambda k: store.put(k, b"x"),
        lambda k: list(store.stream(k)),
    ):
        with pytest.raises(InvalidInput):
            call(key)
    assert list(store.list("")) == []


def test_a_missing_object(store: ObjectStore) -> None:
    assert store.size("none") is None
    store.delete("none")
    for call in (store.get, lambda k: store.get_range(k, 0, 1), lambda k: list(store.stream(k))):
        with pytest.raises(NotFound, match="none"):
            call("none")


def test_ranges_end_where_the_object_ends(store: ObjectStore) -> None:
    store.put("k", b"0123456789")
    assert store.get_range("k", 2, 5) == b"234"
    assert store.get_range("k", 8, 100) == b"89"
    assert store.get_range("k", 10, 20) == b""
    assert store.get_range("k", 5, 5) == b""


def test_stream_comes_in_pieces(store: ObjectStore) -> None:
    data = secrets.token_bytes(100_001)
    store.put("k", data)
    pieces = list(store.stream("k", chunk_bytes=40_000))
    assert [len(piece) for piece in pieces] == [40_000, 40_000, 20_001]
    assert b"".join(pieces) == data


def test_stream_notices_a_replaced_object(store: ObjectStore) -> None:
    store.put("k", b"a" * 1000)
    stream = store.stream("k", chunk_bytes=400)
    next(stream)
    store.put("k", b"b" * 1001)
    with pytest.raises(Conflict, match="replaced"):
        list(stream)


def test_large_objects_are_whole(store: ObjectStore) -> None:
    data = os.urandom(1024) * 70_000  # above the size from which it is sent in parts
    store.put("large", data)
    assert store.size("large") == len(data)
    digest = hashlib.sha256()
    for piece in store.stream("large"):
        digest.update(piece)
    assert digest.digest() == hashlib.sha256(data).digest()


def test_list_is_by_folder(store: ObjectStore) -> None:
    for key in ("a/1", "a/b/2", "ab/3", "c"):
        store.put(key, key.encode())
    assert {item.key for item in store.list("")} == {"a/1", "a/b/2", "ab/3", "c"}
    assert {(item.key, item.bytes) for item in store.list("a")} == {("a/1", 3), ("a/b/2", 5)}
    assert list(store.list("nothing")) == []
    store.delete("a/1")
    store.delete("a/1")
    assert {item.key for item in store.list("a")} == {"a/b/2"}


def test_one_of_many_creators_wins(store: ObjectStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        for round_number in range(2):
            key = f"race/{round_number}"
            wins = list(
                pool.map(lambda n, key=key: store.put(key, f"{n}".encode(), overwrite=False), range(8))
            )
            assert wins.count(True) == 1
            assert store.get(key) == f"{wins.index(True)}".encode()


def test_ping(store: ObjectStore) -> None:
    store.ping()


@pytest.mark.parametrize(
    "bad", ["", "ftp://x/y", "file://host/path", "relative", "s3://", "s3://b/p?endpont=x"]
)
def test_bad_urls_are_refused(bad: str) -> None:
    with pytest.raises(InvalidInput, match="object_store_url"):
        open_object_store(bad)


def test_s3_without_bucket_or_with_a_wrong_secret(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable, match="does not exist"):
        open_object_store(s3_server.url("no-such-bucket")).ping()
    bucket = s3_server.make_bucket()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(NotPermitted, match="credentials"):
        open_object_store(s3_server.url(bucket)).put("k", b"x")


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable):
        open_object_store(f"file://{tmp_path}/file/objects")


def test_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    store = FolderObjectStore(tmp_path / "objects")
    blobs = BlobStore(store)
    store.put("kept", b"old")
    with _file_size_limit(1_000_000), pytest.raises(StorageFull, match="no space"):
        store.put("kept", b"x" * 2_000_000)
    with _file_size_limit(5_000_000), pytest.raises(StorageFull):
        blobs.put_stream([b"small" * 100_000, os.urandom(CHUNK_BYTES)])
    assert [path for path in store.folder.rglob("*") if path.is_file()] == [store.folder / "kept"]
    assert store.get("kept") == b"old"


def test_full_cache_disk(tmp_path: Path) -> None:
    blobs = BlobStore(FolderObjectStore(tmp_path / "objects"))
    blob = blobs.put_stream([os.urandom(CHUNK_BYTES + 1)])
    with _file_size_limit(1_000_000), pytest.raises(StorageFull, match="cache"):
        blobs.fetch(blob.digest, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES + 12_345])
def test_blobs_come_back_as_they_went(blobs: BlobStore, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    blob = blobs.put_stream(data[start : start + 999_999] for start in range(0, size, 999_999))
    assert blob.bytes == size
    assert b"".join(blobs.stream(blob.digest)) == data
    assert blobs.put_stream([data]) == blob
    assert blobs.find(blob.digest) == blob
    assert blobs.fetch(blob.digest, tmp_path / "cache").read_bytes() == data


def test_blob_ranges_and_seeks(blobs: BlobStore) -> None:
    data = os.urandom(2 * CHUNK_BYTES + 1000)
    digest = blobs.put_stream([data]).digest
    for start, end in (
        (0, 10),
        (CHUNK_BYTES - 5, CHUNK_BYTES + 5),
        (CHUNK_BYTES, None),
        (len(data), None),
        (10**12, None),
    ):
        assert b"".join(blobs.stream(digest, start, end)) == data[start:end]
    with blobs.open(digest) as file:
        assert file.seek(-700, os.SEEK_END) == len(data) - 700
        assert file.read() == data[-700:]
        file.seek(CHUNK_BYTES - 3)
        assert file.read(3) + file.read(3) == data[CHUNK_BYTES - 3 : CHUNK_BYTES + 3]
        assert file.seek(10**12) == 10**12
        assert file.read(1) == b""


def test_a_second_upload_writes_only_what_is_new(blobs: BlobStore) -> None:
    first, second, third = (os.urandom(CHUNK_BYTES) for _ in range(3))
    blobs.put_stream([first, second])
    written: list[str] = []
    real_put = blobs.objects.put

    def put(key: str, data: bytes, *, overwrite: bool = True) -> bool:
        written.append(key)
        return real_put(key, data, overwrite=overwrite)

    blobs.objects.put = put  # type: ignore[method-assign]
    blobs.put_stream([first, second, third])
    assert [key.partition("/")[0] for key in written] == ["chunks", "blobs"]
    assert written[0].endswith(hashlib.sha256(third).hexdigest())


def test_an_upload_in_parts(blobs: BlobStore) -> None:
    parts = [os.urandom(CHUNK_BYTES), b"the end"]
    shas = [blobs.put_chunk(part) for part in parts]
    blob = blobs.commit(shas, CHUNK_BYTES + 7)
    assert b"".join(blobs.stream(blob.digest)) == b"".join(parts)
    for bad in (b"", bytes(CHUNK_BYTES + 1)):
        with pytest.raises(InvalidInput):
            blobs.put_chunk(bad)
    with pytest.raises(InvalidInput):
        blobs.commit(shas, 5)
    with pytest.raises(InvalidInput):
        blobs.commit(["../../etc/passwd"], 5)
    with pytest.raises(Conflict, match="chunk 1"):
        blobs.commit([shas[0], "0" * 64], CHUNK_BYTES + 7)


def test_a_failed_stream_leaves_nothing(blobs: BlobStore) -> None:
    kept = os.urandom(CHUNK_BYTES)
    blobs.put_stream([kept])
    before = {item.key for item in blobs.objects.list("")}

    def broken() -> Iterator[bytes]:
        yield kept
        yield os.urandom(CHUNK_BYTES)
        raise ConnectionError("the client went away")

    with pytest.raises(ConnectionError):
        blobs.put_stream(broken())
    assert {item.key for item in blobs.objects.list("")} == before


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_damage_is_noticed(blobs: BlobStore, tmp_path: Path, damage: str) -> None:
    data = bytearray(os.urandom(CHUNK_BYTES))
    digest = blobs.put_stream([data, b"tail"]).digest
    key = f"chunks/{hashlib.sha256(data).hexdigest()[:2]}/{hashlib.sha256(data).hexdigest()}"
    data[1234] ^= 1
    blobs.objects.put(key, bytes(data if damage == "flip" else data[:-1]))
    if damage == "gone":
        blobs.objects.delete(key)
    with pytest.raises(Internal, match=key):
        list(blobs.stream(digest))
    with pytest.raises(Internal, match=key):
        blobs.fetch(digest, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_delete_keeps_what_others_share(blobs: BlobStore) -> None:
    shared, own = os.urandom(CHUNK_BYTES), b"own"
    keep = blobs.put_stream([shared])
    gone = blobs.put_stream([shared, own])
    blobs.delete(gone.digest)
    blobs.delete(gone.digest)
    assert blobs.find(gone.digest) is None
    assert b"".join(blobs.stream(keep.digest)) == shared
    assert len(list(blobs.objects.list("chunks"))) == 1
    blobs.delete(keep.digest)
    assert list(blobs.objects.list("")) == []


@pytest.mark.parametrize("digest", ["", "abc", "../../x", "f" * 64])
def test_an_unknown_blob(blobs: BlobStore, tmp_path: Path, digest: str) -> None:
    with pytest.raises(NotFound):
        blobs.stream(digest)
    with pytest.raises(NotFound):
        blobs.fetch(digest, tmp_path)


def test_what_was_fetched_needs_no_store_any_more(
    blobs: BlobStore, store: ObjectStore, tmp_path: Path
) -> None:
    """A task that is tried again while the store is away has its code and its data on the machine."""
    digest = blobs.put_stream([os.urandom(CHUNK_BYTES + 1)]).digest  # blobs of one chunk are not copied
    cached = blobs.fetch(digest, tmp_path / "cache")
    for info in list(store.list("blobs")):
        store.delete(info.key)
    assert blobs.fetch(digest, tmp_path / "cache") == cached
    with pytest.raises(NotFound):
        blobs.fetch(digest, tmp_path / "another")


def test_four_processes_fetch_at_once(blobs: BlobStore, url: str, tmp_path: Path) -> None:
    data = os.urandom(3 * CHUNK_BYTES)
    digest = blobs.put_stream([data]).digest
    program = (
        "import sys; from pathlib import Path; from tensorfleet.objects.blobs import BlobStore\n"
        "from tensorfleet.adapters.objectstore import open_object_store\n"
        "print(BlobStore(open_object_store(sys.argv[1])).fetch(sys.argv[2], Path(sys.argv[3])))"
    )
    command = [sys.executable, "-c", program, url, digest, str(tmp_path / "cache")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    paths = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert {process.returncode for process in processes} == {0}
    assert paths == {str(tmp_path / "cache" / digest)}
    assert (tmp_path / "cache" / digest).read_bytes() == data
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [digest]


def test_errors_are_ours_when_s3_is_away() -> None:
    store = open_object_store("s3://bucket?endpoint=http://127.0.0.1:9")
    with pytest.raises(TensorFleetError):
        store.size("k")


class _file_size_limit:  # noqa: N801 - reads as a statement
    """No file of this process can grow above the limit: writing fails as it does on a full disk."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def __enter__(self) -> None:
        self.handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self.old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, self.old[1]))

    def __exit__(self, *exc: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self.old)
        signal.signal(signal.SIGXFSZ, self.handler)
