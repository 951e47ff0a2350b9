"""Who does not get in pays the same, whoever it is: else the time would tell which accounts there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import argon2
import pytest

from tensorfleet.access import passwords
from tensorfleet.access.model import User
from tensorfleet.access.sign_in import SignIn
from tensorfleet.access.store import SqlAccessStore
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import metadata
from tensorfleet.errors import NotAuthenticated

NOW = datetime(2026, 11, 21, tzinfo=UTC)
WRONG = (
    ("nobody", "wrong horse"), ("anna", "wrong horse"), ("closed", "wrong horse"), ("closed", "correct horse"),
    ("robot", "correct horse"), ("without", ""), ("x" * 5000, "wrong horse"), ("", ""), ("AnNa ", "y" * 100_000),
)  # fmt: skip


class Counting:
    """The real hasher; remembers which hashes it was asked to compute, by their costs."""

    def __init__(self, real: argon2.PasswordHasher) -> None:
        self._real = real
        self.computed: list[tuple[str, argon2.Parameters]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def verify(self, kept: str, password: str) -> bool:
        self.computed.append(("verify", argon2.extract_parameters(kept)))
        return self._real.verify(kept, password)

    def hash(self, password: str) -> str:
        found = self._real.hash(password)
        self.computed.append(("hash", argon2.extract_parameters(found)))
        return found


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """As in a process that has just begun."""
    counting = Counting(passwords._HASHER)
    monkeypatch.setattr(passwords, "_HASHER", counting)
    passwords._nobodys.cache_clear()
    return counting


@pytest.fixture(scope="module")
def kept() -> str:
    return passwords.hash_password("correct horse", "anna")


@pytest.fixture
def sign_in(tmp_path: Path, kept: str) -> Iterator[SignIn]:
    database = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    with database.begin() as connection:
        metadata.create_all(connection)
    store = SqlAccessStore(database)
    store.add_user(User("u-1", "anna", NOW, password_hash=kept))
    store.add_user(User("u-2", "closed", NOW, password_hash=kept, disabled_at=NOW))
    store.add_user(User("u-3", "robot", NOW, is_service=True))
    store.add_user(User("u-4", "without", NOW))
    yield SignIn(store, "token", lambda: NOW)
    database.close()


def test_each_refusal_computes_one_hash_of_the_same_cost_from_the_first(
    sign_in: SignIn, counted: Counting, kept: str
) -> None:
    for name, password in WRONG:
        with pytest.raises(NotAuthenticated, match="name or password is wrong"):
            sign_in.by_password(name, password, None, "127.0.0.1", "test")
    assert counted.computed == [("verify", argon2.extract_parameters(kept))] * len(WRONG)
    assert sign_in.by_password("anna", "correct horse", None, "127.0.0.1", "test").access_token
