"""The registry's store, on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.errors import NotFound, PreconditionFailed
from tensorfleet.registry.model import Intent, IntentKind, ModelFile, ModelVersion
from tensorfleet.registry.store import SqlRegistryStore
from tensorfleet.testing.tracking import START, events_of, insert_job, job_row


@pytest.fixture
def store(database: Database) -> SqlRegistryStore:
    return SqlRegistryStore(database)


def version_of(
    name: str, number: int, job_id: str | None = None, aliases: tuple[str, ...] = ()
) -> ModelVersion:
    return ModelVersion(
        name=name,
        version=number,
        workspace="default",
        job_id=job_id,
        run_id="run",
        source=f"file:///objects/models/{name}/{number}",
        created_at=START + timedelta(seconds=number),
        aliases=aliases,
        tags={"tensorfleet.flavor": "sklearn"},
        metrics={"accuracy": 0.5, "undefined": None},
        signature={"inputs": [{"type": "double", "name": "ash"}], "outputs": []},
        files=(ModelFile("MLmodel", 12, "cd" * 32),),
    )


def test_a_version_comes_back_as_it_was_recorded(store: SqlRegistryStore) -> None:
    version = version_of("wine", 1)
    store.record_version(version, START, tell_job=False)
    assert store.find_version("wine", 1) == version
    assert store.find_version("wine", 2) is None


def test_models_are_listed_by_name_in_pages(store: SqlRegistryStore) -> None:
    for name, number in (("wine", 1), ("iris", 1), ("iris", 2), ("digits", 1)):
        store.record_version(version_of(name, number), START, tell_job=False)
    first = store.models(2, None)
    assert [(model.name, model.latest_version) for model in first] == [("digits", 1), ("iris", 2)]
    assert [model.name for model in store.models(2, "iris")] == ["wine"]
    assert first[1].created_at == START + timedelta(seconds=1)
    assert first[1].updated_at == START + timedelta(seconds=2)
    assert sorted(store.model_names("default")) == ["digits", "iris", "wine"]


def test_models_of_a_workspace_are_a_list_of_their_own(store: SqlRegistryStore) -> None:
    store.record_version(version_of("wine", 1), START, tell_job=False)
    others = replace(version_of("lab~wine", 1), workspace="lab", source="file:///objects/models/j-9/1")
    store.record_version(others, START, tell_job=False)
    assert [model.name for model in store.models(10, None, ("default",))] == ["wine"]
    assert [(model.bare_name, model.workspace) for model in store.models(10, None, ("lab",))] == [
        ("wine", "lab")
    ]
    assert store.models(10, None, ()) == []
    assert store.model_names("lab") == ["lab~wine"]
    assert store.workspaces_of("models/j-9/1") == {"lab"}
    assert store.workspaces_of("models/j-9") == set()


def test_versions_are_listed_newest_first_in_pages(store: SqlRegistryStore) -> None:
    for number in (1, 2, 3):
        store.record_version(version_of("wine", number), START, tell_job=False)
    assert [version.version for version in store.versions("wine", 2, None)] == [3, 2]
    assert [version.version for version in store.versions("wine", 2, 2)] == [1]
    assert store.version_numbers("wine") == [1, 2, 3]


def test_an_alias_moves_at_once_and_leaves_an_intent(store: SqlRegistryStore) -> None:
    for number in (1, 2):
        store.record_version(version_of("wine", number), START, tell_job=False)
    store.set_alias("wine", "production", 1, START)
    store.set_alias("wine", "production", 2, START)
    assert store.models(1, None)[0].aliases == {"production": 2}
    store.set_alias("wine", "production", None, START)
    assert store.models(1, None)[0].aliases == {}
    assert [(intent.kind, intent.data["version"]) for intent in store.open_intents(10)] == [
        (IntentKind.SET_ALIAS, 1),
        (IntentKind.SET_ALIAS, 2),
        (IntentKind.DELETE_ALIAS, None),
    ]


def test_an_alias_moves_only_if_it_is_as_expected(store: SqlRegistryStore) -> None:
    for number in (1, 2):
        store.record_version(version_of("wine", number), START, tell_job=False)
    store.set_alias("wine", "production", 1, START, expected=None)
    for expected in (None, 2):
        with pytest.raises(PreconditionFailed, match="points at version 1 by now"):
            store.set_alias("wine", "production", 2, START, expected=expected)
    with pytest.raises(PreconditionFailed, match="'staging' does not exist by now"):
        store.set_alias("wine", "staging", None, START, expected=1)
    assert store.models(1, None)[0].aliases == {"production": 1}
    assert len(store.open_intents(10)) == 1, "what was refused left nothing"
    store.set_alias("wine", "production", 2, START, expected=1)
    assert store.models(1, None)[0].aliases == {"production": 2}


def test_of_those_who_move_an_alias_at_the_same_time_one_wins(store: SqlRegistryStore) -> None:
    for number in range(1, 7):
        store.record_version(version_of("wine", number), START, tell_job=False)
    store.set_alias("wine", "production", 1, START)

    def move(number: int) -> bool:
        try:
            store.set_alias("wine", "production", number, START, expected=1)
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(5) as pool:
        moved = list(pool.map(move, range(2, 7)))
    assert sum(moved) == 1
    assert store.models(1, None)[0].aliases == {"production": moved.index(True) + 2}


def test_a_second_report_of_a_version_leaves_its_aliases_alone(store: SqlRegistryStore) -> None:
    store.record_version(version_of("wine", 1), START, tell_job=False)
    store.set_alias("wine", "production", 1, START)
    store.record_version(version_of("wine", 1), START, tell_job=False)
    found = store.find_version("wine", 1)
    assert found is not None
    assert found.aliases == ("production",)


def test_intents_are_closed_with_their_result(store: SqlRegistryStore) -> None:
    first = store.request(IntentKind.REGISTER, {"name": "wine"}, START)
    second = store.request(IntentKind.REGISTER, {"name": "iris"}, START)
    assert not store.intent_result(first).done
    store.close_intent(first, {"version": 4}, START)
    store.close_intent(second, {"error": "refused"}, START)
    assert (store.intent_result(first).done, store.intent_result(first).version) == (True, 4)
    assert store.intent_result(second).error == "refused"
    assert store.open_intents(10) == []


def test_open_intents_come_in_order_and_in_batches(store: SqlRegistryStore) -> None:
    ids = [store.request(IntentKind.REGISTER, {"name": str(number)}, START) for number in range(3)]
    assert [intent.id for intent in store.open_intents(2)] == ids[:2]
    assert store.open_intents(1) == [Intent(ids[0], "version.register", {"name": "0"})]


def test_a_job_is_told_of_its_version_once(database: Database, store: SqlRegistryStore) -> None:
    insert_job(database, "j-1")
    for _ in range(2):
        store.record_version(version_of("wine", 3, job_id="j-1"), START, tell_job=True)
    assert job_row(database, "j-1").model_version == 3
    (event,) = events_of(database, "job.registered")
    assert (event.job_id, event.data) == ("j-1", {"name": "wine", "version": 3})


def test_a_manual_registration_does_not_touch_the_job(database: Database, store: SqlRegistryStore) -> None:
    insert_job(database, "j-1")
    store.record_version(version_of("other", 1, job_id="j-1"), START, tell_job=False)
    assert job_row(database, "j-1").model_version is None
    assert events_of(database, "job.registered") == []


def test_a_run_is_recorded_in_its_job(database: Database, store: SqlRegistryStore) -> None:
    insert_job(database, "j-1")
    store.record_run("j-1", "0123")
    job = store.find_job("j-1")
    assert job is not None
    assert (job.run_id, job.name, job.workers, job.created_at) == ("0123", "wine forest", 2, START)
    assert store.find_job("j-2") is None


def test_a_skip_is_an_event(database: Database, store: SqlRegistryStore) -> None:
    store.record_skip("j-1", {"event": 7, "problem": "no"}, START)
    (event,) = events_of(database, "tracking.skipped")
    assert (event.job_id, event.data, event.at) == ("j-1", {"event": 7, "problem": "no"}, START)


def test_sync_takes_over_versions_and_aliases_of_others(store: SqlRegistryStore) -> None:
    store.record_version(version_of("wine", 1), START, tell_job=False)
    store.record_version(version_of("wine", 2), START, tell_job=False)
    foreign = replace(version_of("theirs", 1, aliases=("live",)), files=(), metrics={}, signature=None)
    bare = replace(version_of("wine", 1, aliases=("production",)), files=(), metrics={}, signature=None)
    store.sync([foreign, bare])
    assert store.find_version("theirs", 1) == foreign
    assert store.find_version("wine", 1) == version_of("wine", 1, aliases=("production",))
    assert store.find_version("wine", 2) is None, "it was deleted in MLflow"


def test_sync_leaves_models_with_open_intents_alone(store: SqlRegistryStore) -> None:
    store.record_version(version_of("wine", 1), START, tell_job=False)
    store.set_alias("wine", "production", 1, START)
    store.sync([version_of("wine", 1), version_of("iris", 1)])
    assert {model.name: model.aliases for model in store.models(10, None)} == {
        "iris": {},
        "wine": {"production": 1},
    }


def test_sync_with_an_empty_store_deletes_nothing(store: SqlRegistryStore) -> None:
    store.record_version(version_of("wine", 1), START, tell_job=False)
    store.sync([])
    assert store.version_numbers("wine") == [1]


def test_the_service_names_the_nearest_model(store: SqlRegistryStore, tmp_path: Path) -> None:
    from tensorfleet.adapters.objectstore import open_object_store
    from tensorfleet.registry.service import RegistryService

    store.record_version(version_of("digits", 1), START, tell_job=False)
    objects = open_object_store(f"file://{tmp_path}")
    service = RegistryService(store, objects, f"file://{tmp_path}", lambda: None)
    with pytest.raises(NotFound, match="did you mean 'digits'"):
        service.model("digit")
    with pytest.raises(NotFound, match="no version '9'; its versions are 1"):
        service.version("digits", "9")
    assert service.set_alias("digits", "production", 1).aliases == ("production",)
    assert service.version("digits", "production").version == 1
    with pytest.raises(NotFound, match="no alias 'prod'"):
        service.delete_alias("digits", "prod")
    service.delete_alias("digits", "production")
    assert service.model("digits").aliases == {}
