"""Secrets: kept alike on every database, opened where they belong, and sealed anew while they are used."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.errors import Conflict, InvalidInput, NotFound
from tensorfleet.kit.sealing import new_sealing_key
from tensorfleet.secrets.envelope import Keyring, key_id
from tensorfleet.secrets.model import MOST_BYTES, MOST_SECRETS, Secret
from tensorfleet.secrets.ports import SealedRow
from tensorfleet.secrets.service import SecretService, missing
from tensorfleet.secrets.store import SqlSecretStore, sealed_before, take_sealed
from tensorfleet.secrets.vault import OtherKeys, Vault

START = datetime(2026, 1, 1, tzinfo=UTC)


class Keys:
    """What a process was given, the newest first."""

    def __init__(self, *keys: bytes) -> None:
        self.keys = list(keys) or [new_sealing_key()]

    def load(self) -> Keyring:
        return Keyring({key_id(key): key for key in self.keys}, key_id(self.keys[0]))

    def add(self) -> str:
        self.keys.insert(0, new_sealing_key())
        return key_id(self.keys[0])


@pytest.fixture
def store(database: Database) -> SqlSecretStore:
    return SqlSecretStore(database)


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def clock() -> Callable[[], datetime]:
    passed = [START]

    def tick() -> datetime:
        passed[0] += timedelta(seconds=1)
        return passed[0]

    return tick


@pytest.fixture
def vault(store: SqlSecretStore, keys: Keys, clock: Callable[[], datetime]) -> Vault:
    return Vault(keys.load, keys.add, store, clock)


@pytest.fixture
def secrets(store: SqlSecretStore, vault: Vault, clock: Callable[[], datetime]) -> SecretService:
    return SecretService(store, vault, clock)


def opened(database: Database, keys: Keys, workspace: str, name: str) -> str:
    with database.begin() as connection:
        row = take_sealed(connection, workspace, [name], START)[name]
    return keys.load().open(row.sealed, row.context).decode()


def test_a_value_is_kept_sealed_and_comes_back_to_tasks_alone(
    database: Database, secrets: SecretService, store: SqlSecretStore, keys: Keys
) -> None:
    kept = secrets.put("vision", "hf-token", "planted-1", "anna")
    assert (kept.version, kept.created_by, kept.last_used_at) == (1, "anna", None)
    assert "planted" not in repr(store.sealed_otherwise("", "", 10))
    assert opened(database, keys, "vision", "hf-token") == "planted-1"
    [listed] = secrets.list("vision")
    assert listed.last_used_at == START
    assert not hasattr(listed, "sealed")


def test_setting_it_again_makes_the_next_version(
    database: Database, secrets: SecretService, keys: Keys
) -> None:
    first = secrets.put("vision", "hf-token", "one", "anna")
    second = secrets.put("vision", "hf-token", "two", "bert")
    assert (second.version, second.created_by, second.updated_by) == (2, "anna", "bert")
    assert second.updated_at > first.updated_at == second.created_at
    assert opened(database, keys, "vision", "hf-token") == "two"


def test_workspaces_do_not_see_each_others(
    database: Database, secrets: SecretService, store: SqlSecretStore
) -> None:
    secrets.put("vision", "hf-token", "one", "anna")
    assert secrets.list("audio") == []
    assert set(missing(store, "audio", ["hf-token"])) == {"hf-token"}
    with database.begin() as connection:
        assert take_sealed(connection, "audio", ["hf-token"], START) == {}
    with pytest.raises(NotFound, match="there are none yet"):
        secrets.delete("audio", "hf-token")
    assert missing(store, "vision", ["hf-token"]) == {}


def test_a_row_that_was_copied_to_another_workspace_cannot_be_opened(
    database: Database, secrets: SecretService, store: SqlSecretStore, keys: Keys
) -> None:
    secrets.put("vision", "hf-token", "one", "anna")
    [row] = store.sealed_otherwise("", "", 10)
    now = START
    stolen = Secret("audio", "hf-token", 1, key_id(keys.keys[0]), now, "mallory", now, "mallory")
    assert store.put(stolen, row.sealed)
    with pytest.raises(Conflict, match="belongs to something else"):
        opened(database, keys, "audio", "hf-token")


def test_what_is_deleted_is_gone(secrets: SecretService, store: SqlSecretStore) -> None:
    secrets.put("vision", "hf-token", "one", "anna")
    secrets.delete("vision", "hf-token")
    assert store.find("vision", "hf-token") is None
    assert secrets.put("vision", "hf-token", "one", "anna").version == 1


def test_who_sets_one_at_the_same_time_gets_another_version(
    store: SqlSecretStore, secrets: SecretService
) -> None:
    found: list[int] = []

    def put() -> None:
        found.append(secrets.put("vision", "hf-token", "value", "anna").version)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [1, 2, 3, 4]
    kept = store.find("vision", "hf-token")
    assert kept is not None
    assert kept.version == 4


def test_a_version_that_another_one_has_set_is_not_overwritten(
    store: SqlSecretStore, secrets: SecretService
) -> None:
    kept = secrets.put("vision", "hf-token", "one", "anna")
    assert not store.put(kept, "tfs1.x.y.z")


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "x" * 101, "é"])
def test_names_that_cannot_be_are_refused_without_being_repeated(secrets: SecretService, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        secrets.put("vision", name, "value", "anna")
    assert len(name) < 3 or name not in caught.value.detail


@pytest.mark.parametrize("value", ["", "planted\0", "planted" + "x" * MOST_BYTES, "planted\ud800"])
def test_values_that_cannot_be_are_refused_without_being_shown(secrets: SecretService, value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        secrets.put("vision", "hf-token", value, "anna")
    assert "planted" not in caught.value.detail


def test_the_largest_value_fits(database: Database, secrets: SecretService, keys: Keys) -> None:
    secrets.put("vision", "large", "é" * (MOST_BYTES // 2), "anna")
    assert opened(database, keys, "vision", "large") == "é" * (MOST_BYTES // 2)


def test_a_workspace_has_room_for_so_many(store: SqlSecretStore, secrets: SecretService) -> None:
    for number in range(MOST_SECRETS):
        assert store.put(Secret("vision", f"s{number}", 1, "k", START, "a", START, "a"), "tfs1.k.x.y")
    with pytest.raises(Conflict, match=f"{MOST_SECRETS} secrets"):
        secrets.put("vision", "one-more", "value", "anna")
    assert secrets.put("vision", "s0", "value", "anna").version == 2
    assert secrets.put("audio", "one-more", "value", "anna").version == 1


def test_rotation_reseals_everything_and_goes_on_where_it_was_interrupted(
    database: Database, store: SqlSecretStore, secrets: SecretService, keys: Keys
) -> None:
    for number in range(130):  # more than a batch
        secrets.put("vision", f"s{number}", f"value {number}", "anna")
    former = key_id(keys.keys[0])
    original = store.reseal
    done = 0

    def until_it_breaks(row: SealedRow, sealed: str, key: str) -> bool:
        nonlocal done
        if done == 105:
            raise RuntimeError("killed")
        done += 1
        return original(row, sealed, key)

    store.reseal = until_it_breaks  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="killed"):
        secrets.rotate()
    store.reseal = original  # type: ignore[method-assign]
    assert opened(database, keys, "vision", "s7") == "value 7"
    assert opened(database, keys, "vision", "s129") == "value 129"
    rest = secrets.rotate()
    assert (rest.resealed, rest.unreadable) == (25, ())
    assert len(keys.keys) == 2
    assert rest.key == key_id(keys.keys[0]) != former
    keys.keys = keys.keys[:1]
    assert opened(database, keys, "vision", "s7") == "value 7"


def test_what_is_set_while_it_is_resealed_stays(
    database: Database, store: SqlSecretStore, secrets: SecretService, keys: Keys
) -> None:
    secrets.put("vision", "hf-token", "old", "anna")
    [row] = store.sealed_otherwise("", "", 10)
    secrets.put("vision", "hf-token", "new", "anna")
    assert not store.reseal(row, row.sealed, "k")
    assert opened(database, keys, "vision", "hf-token") == "new"


def test_a_new_key_in_the_setting_is_used_once_it_was_rotated_to(
    database: Database, store: SqlSecretStore, clock: Callable[[], datetime]
) -> None:
    """Until then another process may run that was started without it."""
    old, new = new_sealing_key(), new_sealing_key()
    here, there = Keys(new, old), Keys(old)
    first = SecretService(store, Vault(there.load, there.add, store, clock), clock)
    second = SecretService(store, Vault(here.load, here.add, store, clock), clock)
    first.put("vision", "a", "value", "anna")
    assert second.put("vision", "b", "value", "anna").key == key_id(old)
    assert opened(database, there, "vision", "b") == "value"
    assert second.rotate().key == key_id(new)
    assert second.put("vision", "c", "value", "anna").key == key_id(new)
    with pytest.raises(OtherKeys, match=key_id(new)):
        first.put("vision", "d", "value", "anna")


def test_a_process_with_another_key_says_so(
    store: SqlSecretStore, secrets: SecretService, vault: Vault, clock: Callable[[], datetime]
) -> None:
    assert vault.check() is None
    secrets.put("vision", "a", "value", "anna")
    assert vault.check() is None
    other = Keys()
    stranger = Vault(other.load, other.add, store, clock)
    said = stranger.check()
    assert said is not None
    assert "same secrets_key" in said
    with pytest.raises(OtherKeys):
        SecretService(store, stranger, clock).put("vision", "b", "value", "anna")
    assert SecretService(store, stranger, clock).rotate().unreadable == ("vision/a",)


def test_processes_with_one_key_that_start_at_once_agree(
    store: SqlSecretStore, keys: Keys, clock: Callable[[], datetime]
) -> None:
    vaults = [Vault(keys.load, keys.add, store, clock) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(Vault.check, vaults)) == {None}
    assert store.current_key() == key_id(keys.keys[0])


def test_what_was_changed_since_is_told_from_what_was_not(
    database: Database, secrets: SecretService, clock: Callable[[], datetime]
) -> None:
    secrets.put("vision", "a", "one", "anna")
    granted = clock()
    with database.begin() as connection:
        assert len(sealed_before(connection, "vision", ["a"], granted)) == 1
    secrets.put("vision", "a", "two", "anna")
    with database.begin() as connection:
        assert sealed_before(connection, "vision", ["a"], granted) == []
