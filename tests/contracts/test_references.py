"""What is still referred to when a job is deleted, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contracts.test_job_store import NOW, new_job, run_to_end
from tests.contracts.test_registry_store import version_of

from tensorfleet.adapters.database import Database
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import NewEvent
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.registry.model import IntentKind
from tensorfleet.registry.store import SqlRegistryStore
from tensorfleet.testing.tracking import START

DIGEST = "ab" * 32


def told(database: Database, job_id: str, digest: str) -> None:
    with database.begin() as connection:
        event = NewEvent("provenance", NOW, {"sha256": digest, "key": f"provenance/{digest}.json"}, job_id)
        SqlEventLog(database).append(connection, [event])


def test_a_provenance_document_is_shared_by_jobs_that_told_it_or_still_may(database: Database) -> None:
    store = SqlJobStore(database)
    for number in (1, 2, 3):
        store.insert(new_job(f"j-{number}", name="other" if number == 3 else "forest"))
        told(database, f"j-{number}", DIGEST if number != 3 else "cd" * 32)
    job = store.get("j-1")
    assert store.shares_provenance(job, "ef" * 32), "j-2 may still come to tell of it"
    run_to_end(store, "j-2")
    assert store.shares_provenance(job, DIGEST)
    assert not store.shares_provenance(job, "ef" * 32)
    store.delete("j-2")
    assert not store.shares_provenance(job, DIGEST)


@pytest.mark.parametrize("by", ["job", "source", "tags", "intent"])
def test_a_model_is_referred_to_by_its_versions_and_by_what_was_asked_for(
    database: Database, by: str
) -> None:
    store = SqlRegistryStore(database)
    store.record_version(version_of("wine", 1), START, tell_job=False)
    assert not store.refers_to("j-1")
    prefix = "models/j-1/1"
    if by == "intent":
        intent = store.request(IntentKind.REGISTER, {"name": "wine", "prefix": prefix}, START)
        assert store.refers_to("j-1")
        store.close_intent(intent, {"version": 2}, START)
        assert not store.refers_to("j-1")
        return
    changes = {
        "job": {"job_id": "j-1"},
        "source": {"source": f"s3://b/{prefix}"},
        "tags": {"tags": {"p": prefix}},
    }
    store.record_version(replace(version_of("wine", 2), **changes[by]), START, tell_job=False)
    assert store.refers_to("j-1")
    assert not store.refers_to("j-11")
