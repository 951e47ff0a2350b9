"""What every dataset store must do, run on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.datasets.model import Column, Dataset, Version
from tensorfleet.datasets.ports import DatasetStore
from tensorfleet.datasets.store import SqlDatasetStore

NOW = datetime(2026, 3, 4, 5, 6, 7, 891, tzinfo=UTC)
COLUMNS = (Column("x", "number", 0, None), Column("species", "category", 2, 3))


@pytest.fixture
def store(database: Database) -> DatasetStore:
    return SqlDatasetStore(database)


def a_version(name: str = "iris", digest: str = "d1", workspace: str = "default") -> Version:
    return Version(
        name=name,
        workspace=workspace,
        version=0,
        digest=digest,
        format="csv",
        rows=150,
        bytes=2**40,
        columns=COLUMNS,
        profile={"x": {"mean": 1.5}},
        target="species",
        source="iris.csv",
        created_at=NOW,
    )


def test_versions_count_up_and_come_back_whole(store: DatasetStore) -> None:
    first, is_new = store.add_version(a_version())
    assert is_new
    assert first == replace(a_version(), version=1)
    second, _ = store.add_version(a_version(digest="d2"))
    assert second.version == 2
    assert store.find_version("iris", "default", 1) == first
    assert store.find_version("iris", "default") == second
    assert store.find_version("iris", "default", 3) is None
    assert store.find_version("none", "default") is None
    assert store.find_digest("iris", "default", "d1") == first
    assert store.find_digest("iris", "default", "d3") is None


def test_the_same_content_is_there_once(store: DatasetStore) -> None:
    first, _ = store.add_version(a_version())
    store.add_version(a_version(digest="d2"))
    again, is_new = store.add_version(replace(a_version(), source="elsewhere"))
    assert (again, is_new) == (first, False)
    assert len(store.versions("iris", "default")) == 2


def test_datasets_are_created_once(store: DatasetStore) -> None:
    dataset = Dataset("iris", "default", "flowers", NOW)
    assert store.create(dataset)
    assert not store.create(replace(dataset, description="other"))
    assert store.find("iris", "default") == dataset
    store.add_version(a_version())
    assert store.find("iris", "default") == replace(dataset, latest_version=1)
    assert store.find("other", "default") is None


def test_lists_have_an_order_and_an_end(store: DatasetStore) -> None:
    for name in ("c", "a", "b"):
        store.add_version(a_version(name))
    assert [item.name for item in store.list("default")] == ["a", "b", "c"]
    assert [item.name for item in store.list("default", after="a", limit=1)] == ["b"]
    for digest in ("d2", "d3"):
        store.add_version(a_version("a", digest))
    assert [item.version for item in store.versions("a", "default")] == [3, 2, 1]
    assert [item.version for item in store.versions("a", "default", before=3, limit=1)] == [2]


def test_lists_by_the_beginning_of_a_name_and_backwards(store: DatasetStore) -> None:
    for name in ("wine", "wine-white", "Wine", "win_e", "iris"):
        store.add_version(a_version(name))
    assert {item.name for item in store.list("default", prefix="wine")} == {"wine", "wine-white"}
    assert [item.name for item in store.list("default", prefix="win_")] == ["win_e"], "no wildcards"
    forward = [item.name for item in store.list("default")]
    backward: list[str] = []
    while page := store.list("default", backward[-1] if backward else "", 2, descending=True):
        backward += [item.name for item in page]
    assert backward == forward[::-1]


def test_workspaces_are_apart(store: DatasetStore) -> None:
    store.add_version(a_version())
    theirs, is_new = store.add_version(a_version(workspace="theirs"))
    assert (theirs.version, is_new) == (1, True)
    assert [item.workspace for item in store.list("theirs")] == ["theirs"]
    assert store.delete("iris", "default") == []
    assert store.find_version("iris", "theirs") == theirs
    assert store.find("iris", "default") is None


def test_delete_names_the_contents_that_nobody_has(store: DatasetStore) -> None:
    for name, digest in (("iris", "shared"), ("iris", "own"), ("copy", "shared")):
        store.add_version(a_version(name, digest))
    assert store.delete("iris", "default") == ["own"]
    assert store.is_used("shared")
    assert not store.is_used("own")
    assert store.delete("iris", "default") == []


def test_uploads_at_the_same_time_get_numbers_of_their_own(store: DatasetStore) -> None:
    with ThreadPoolExecutor(6) as pool:
        added = list(pool.map(lambda n: store.add_version(a_version(digest=f"d{n // 2}")), range(12)))
    assert sum(is_new for _, is_new in added) == 6
    assert {version.version for version, _ in added} == {1, 2, 3, 4, 5, 6}
