from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.objectstore import FolderObjectStore
from tensorfleet.adapters.schema import metadata
from tensorfleet.datasets.inspection import Inspector
from tensorfleet.datasets.service import DatasetService
from tensorfleet.datasets.store import SqlDatasetStore
from tensorfleet.objects.blobs import BlobStore


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjectStore:
    return FolderObjectStore(tmp_path / "objects")


@pytest.fixture
def blobs(objects: FolderObjectStore) -> BlobStore:
    return BlobStore(objects)


@pytest.fixture
def service(tmp_path: Path, blobs: BlobStore) -> Iterator[DatasetService]:
    database = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    metadata.create_all(database.engine)
    yield DatasetService(
        SqlDatasetStore(database),
        blobs,
        tmp_path / "work",
        inspector=Inspector(f"file://{tmp_path / 'objects'}"),
        max_upload_bytes=40 * 1024**2,
    )
    database.close()
