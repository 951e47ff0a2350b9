"""What is removed with a deleted job, and what is not."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.errors import Unavailable
from tensorfleet.jobs.leftovers import Leftovers

DIGEST = "a" * 64
ITS = [
    "files/j-1/1/kept.json",
    "files/j-1/2/part",
    "checkpoints/j-1/1-5.safetensors",
    "profiles/j-1/1/0.json.gz",
    "models/j-1/1/MLmodel",
    f"provenance/{DIGEST}.json",
]
OTHERS = ["files/j-10/1/kept.json", "checkpoints/j-2/0-5.safetensors", "blobs/x.json", "models/j-1x/1/a"]


@dataclass
class Known:
    shared: bool = False
    registered: bool = False
    digests: list[str] = field(default_factory=lambda: [DIGEST])

    def read_last(self, job_id: str, kind: str, limit: int) -> list[Any]:
        return [SimpleNamespace(data={"sha256": digest}) for digest in self.digests]


@pytest.fixture
def store(tmp_path):
    found = open_object_store(f"file://{tmp_path / 'objects'}", make=True)
    for key in ITS + OTHERS:
        found.put(key, b"x")
    return found


def cleared(store, known, model_name=None, inputs=None):
    job = SimpleNamespace(id="j-1", model_name=model_name, inputs=inputs or {})
    Leftovers(store, known, lambda job, digest: known.shared, lambda job_id: known.registered).clear(job)
    return sorted(set(ITS) - {info.key for info in store.list("")})


def test_all_that_only_it_has_goes_and_nothing_else(store):
    assert cleared(store, Known()) == sorted(ITS)
    assert sorted(info.key for info in store.list("")) == sorted(OTHERS)
    assert cleared(store, Known()) == sorted(ITS), "and once more, after a failure in the middle"


def test_a_document_that_another_job_has_stays(store):
    assert f"provenance/{DIGEST}.json" not in cleared(store, Known(shared=True))


@pytest.mark.parametrize(
    "why", [{"known": Known(registered=True)}, {"model_name": "m"}, {"inputs": {"study": {"id": "j-9"}}}]
)
def test_a_model_that_has_or_may_get_a_version_stays(store, why):
    assert "models/j-1/1/MLmodel" not in cleared(store, **{"known": Known(), **why})


@pytest.mark.parametrize("digest", ["", "../../token", "x/y", None])
def test_a_record_of_a_task_s_own_making_removes_nothing(store, digest):
    gone = cleared(store, Known(digests=[digest]))
    assert not [key for key in gone if key.startswith("provenance")]


def test_a_store_that_is_away_is_told(store, monkeypatch):
    def away(prefix):
        raise Unavailable("the object store is away")

    monkeypatch.setattr(store, "list", away)
    with pytest.raises(Unavailable):
        cleared(store, Known())
