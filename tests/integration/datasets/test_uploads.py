from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tensorfleet.adapters.objectstore import FolderObjectStore
from tensorfleet.datasets.service import DatasetService
from tensorfleet.datasets.uploads import Uploads
from tensorfleet.errors import Conflict, DataInvalid, InvalidInput, NotFound, TooLarge
from tensorfleet.objects.blobs import CHUNK_BYTES, BlobStore

ROWS = b"x,y\n" + b"1.25,2\n" * (CHUNK_BYTES // 7 + 1000)
FIRST, LAST = ROWS[:CHUNK_BYTES], ROWS[CHUNK_BYTES:]


@pytest.fixture
def uploads(blobs: BlobStore, tmp_path: Path) -> Uploads:
    return Uploads(blobs, tmp_path / "uploads", 3 * CHUNK_BYTES)


def test_chunks_in_any_order_make_a_version(service: DatasetService, tmp_path: Path) -> None:
    upload = service.uploads.begin()
    service.uploads.put_chunk(upload, 1, LAST)
    assert service.uploads.chunks(upload) == {1: hashlib.sha256(LAST).hexdigest()}
    with pytest.raises(Conflict, match="chunk 0"):
        service.commit_upload("big", upload)
    for _ in range(2):
        service.uploads.put_chunk(upload, 0, FIRST, hashlib.sha256(FIRST).hexdigest())
    version, is_new = service.commit_upload("big", upload, target="x")
    assert is_new
    assert (version.rows, version.target) == (ROWS.count(b"\n") - 1, "x")
    assert b"".join(service.open(version)) == ROWS
    with pytest.raises(NotFound):
        service.commit_upload("big", upload)
    assert list((tmp_path / "work" / "uploads").iterdir()) == []


def test_a_bad_file_leaves_nothing(
    service: DatasetService, objects: FolderObjectStore, tmp_path: Path
) -> None:
    upload = service.uploads.begin()
    service.uploads.put_chunk(upload, 0, b"a,b\n1\n")
    with pytest.raises(DataInvalid, match="line 2"):
        service.commit_upload("bad", upload)
    assert list(objects.list("")) == []
    assert list((tmp_path / "work" / "uploads").iterdir()) == []


def test_abort_removes_the_chunks(uploads: Uploads, objects: FolderObjectStore) -> None:
    upload = uploads.begin()
    uploads.put_chunk(upload, 0, b"data")
    uploads.abort(upload)
    assert list(objects.list("")) == []
    with pytest.raises(NotFound):
        uploads.abort(upload)


def test_bad_chunks(uploads: Uploads, objects: FolderObjectStore) -> None:
    upload = uploads.begin()
    with pytest.raises(InvalidInput, match="damaged"):
        uploads.put_chunk(upload, 0, b"data", "0" * 64)
    for index, data, error in ((-1, b"x", InvalidInput), (0, b"", InvalidInput), (3, b"x", TooLarge)):
        with pytest.raises(error):
            uploads.put_chunk(upload, index, data)
    assert list(objects.list("")) == []
    uploads.put_chunk(upload, 0, b"short")
    uploads.put_chunk(upload, 1, b"last")
    with pytest.raises(InvalidInput, match="chunk 0 has 5 bytes"):
        uploads.commit(upload)


def test_a_chunk_that_vanished_can_be_sent_again(uploads: Uploads, blobs: BlobStore) -> None:
    upload = uploads.begin()
    sha = uploads.put_chunk(upload, 0, b"data")
    blobs.discard([sha])
    with pytest.raises(Conflict, match="send it again"):
        uploads.commit(upload)
    assert uploads.chunks(upload) == {}
    uploads.put_chunk(upload, 0, b"data")
    assert uploads.commit(upload).bytes == 4


@pytest.mark.parametrize(
    "upload_id", ["", "..", "../uploads", "u-../../../../etc0", "u-0000000000000000", "nul\0", "/etc"]
)
def test_unknown_and_hostile_ids(uploads: Uploads, upload_id: str) -> None:
    for call in (uploads.chunks, uploads.commit, uploads.abort, lambda i: uploads.put_chunk(i, 0, b"x")):
        with pytest.raises(NotFound):
            call(upload_id)


def test_sessions_that_nobody_wants_are_removed(
    uploads: Uploads, tmp_path: Path, objects: FolderObjectStore
) -> None:
    old, young = uploads.begin(), uploads.begin()
    uploads.put_chunk(old, 0, b"old")
    os.utime(tmp_path / "uploads" / old, (0, 0))
    uploads.begin()
    assert not (tmp_path / "uploads" / old).exists()
    assert uploads.chunks(young) == {}
    assert list(objects.list("")) == []
