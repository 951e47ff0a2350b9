"""The check of the ledger after a chaos run finds each defect that is planted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import leases, metadata
from tensorfleet.ledger.store import SqlLedgerStore
from tensorfleet.testing.chaos.ledger_checks import check_ledger

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    with database.begin() as connection:
        metadata.create_all(connection)
        for number in range(3):
            granted = NOW + timedelta(hours=20 * number)
            connection.execute(
                insert(leases).values(
                    worker_id="w", job_id=f"j-{number}", granted_at=granted, released_at=granted + timedelta(seconds=100.5),
                    cpus=1.5, idle_s=10.25, useful_s=60.25, lost_s=20.0, hung_s=10.0, energy_j=1.0, energy_how="estimated",
                )
            )  # fmt: skip
    yield database
    database.close()


def details(database: Database) -> str:
    return "\n".join(problem.detail for problem in check_ledger(database))


def test_a_sound_ledger_has_no_problem(database: Database) -> None:
    assert details(database) == ""


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"released_at": None}, "never accounted"),
        ({"idle_s": None}, "never accounted"),
        ({"energy_j": None}, "never accounted"),
        ({"lost_s": 21.0}, "has parts"),
        ({"idle_s": 80.25, "useful_s": -9.75}, "has parts"),
    ],
)
def test_a_lease_that_is_not_accounted_for_is_found(
    database: Database, change: dict[str, Any], found: str
) -> None:
    with database.begin() as connection:
        connection.execute(update(leases).where(leases.c.token == 2).values(**change))
    assert found in details(database)


def test_a_lease_that_the_ledger_does_not_show_is_found(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = SqlLedgerStore.held_between
    monkeypatch.setattr(SqlLedgerStore, "held_between", lambda *args: list(read(*args))[1:])
    assert "the ledger has 2 leases, and there are 3" in details(database)
    assert "by workspace: groups have" in details(database)
