"""The object store behind its breaker: the same store, which answers at once while it is away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tensorfleet.adapters.guarded import GuardedObjectStore, guard_objects
from tensorfleet.adapters.objectstore import FolderObjectStore, open_object_store
from tensorfleet.errors import NotFound, Unavailable
from tensorfleet.objects.blobs import BlobStore
from tensorfleet.objects.ports import LocalFiles, ObjectStore

CALLS: dict[str, Callable[[ObjectStore], object]] = {
    "put": lambda store: store.put("k", b"x"),
    "get": lambda store: store.get("k"),
    "get_range": lambda store: store.get_range("k", 0, 1),
    "stream": lambda store: list(store.stream("k")),
    "copy": lambda store: store.copy("k", "l"),
    "size": lambda store: store.size("k"),
    "list": lambda store: list(store.list("")),
    "delete": lambda store: store.delete("k"),
    "ping": lambda store: store.ping(),
}


class Time:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 4, 10, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def store(folder: Path, time: Time) -> GuardedObjectStore:
    made = guard_objects(FolderObjectStore(folder), time)
    made.put("k", b"x")
    return made


@pytest.mark.parametrize("name", CALLS)
def test_a_folder_that_is_gone_is_away_and_is_not_made_anew(
    name: str, store: GuardedObjectStore, folder: Path, time: Time
) -> None:
    call = CALLS[name]
    folder.rename(folder.with_name("elsewhere"))
    for _ in range(3):
        with pytest.raises(Unavailable, match="objects is not there; mount it, or put it back"):
            call(store)
    assert not folder.exists()
    folder.with_name("elsewhere").rename(folder)
    with pytest.raises(
        Unavailable,
        match=r"away since 10:02:00 UTC \(the object store folder .* is not there.*tried again at",
    ):
        call(store)
    time.now += timedelta(seconds=1)
    call(store)
    assert store.breaker.reading.closed


def test_what_is_not_in_it_does_not_make_it_away(store: GuardedObjectStore) -> None:
    for _ in range(5):
        with pytest.raises(NotFound):
            store.get("none")
    assert store.breaker.reading.closed
    assert store.get("k") == b"x"


def test_a_folder_stays_one(store: GuardedObjectStore, folder: Path, tmp_path: Path) -> None:
    """A blob of one chunk is used where it lies, not copied."""
    assert isinstance(store, LocalFiles)
    blobs = BlobStore(store)
    digest = blobs.put_stream([b"small"]).digest
    assert blobs.fetch(digest, tmp_path / "cache").is_relative_to(folder)


def test_who_must_not_make_it_finds_it_or_says_so(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/objects"
    with pytest.raises(Unavailable, match="is not there"):
        open_object_store(url, make=False)
    assert not (tmp_path / "objects").exists()
    open_object_store(url).put("k", b"x")
    assert open_object_store(url, make=False).get("k") == b"x"
