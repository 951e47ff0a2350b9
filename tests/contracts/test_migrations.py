"""The schema: made at once or step by step it is the same, once, and never a newer one's."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.migrate import HEAD, ensure_schema, upgrade, wait_for_schema
from tensorfleet.adapters.schema import metadata
from tensorfleet.errors import InvalidInput, Unavailable

PREPARE = """
import sys
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.migrate import ensure_schema

database = Database(sys.argv[1])
database.ping()
print("ready", flush=True)
sys.stdin.readline()
ensure_schema(database)
database.close()
"""


@pytest.fixture
def upgraded(empty_database: Database) -> Database:
    with empty_database.begin() as connection:
        upgrade(connection)
    return empty_database


def schema_of(database: Database) -> dict[str, Any]:
    """All that the database says about its tables."""
    found = {}
    with database.read() as connection:
        seen = inspect(connection)
        for table in sorted(seen.get_table_names()):
            columns = [{**column, "type": str(column["type"])} for column in seen.get_columns(table)]
            found[table] = {
                "columns": columns,
                "primary key": seen.get_pk_constraint(table),
                "foreign keys": _by_name(seen.get_foreign_keys(table)),
                "unique": _by_name(seen.get_unique_constraints(table)),
                "indexes": [
                    {**index, "dialect_options": _as_text(index.get("dialect_options", {}))}
                    for index in _by_name(seen.get_indexes(table))
                ],
            }
    return found


def _as_text(options: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in options.items()}


def _by_name(found: list[Any]) -> list[dict[str, Any]]:
    return sorted((dict(one) for one in found), key=lambda one: str(one["name"]))


def numbered_tables(database: Database) -> set[str]:
    """SQLite: the tables whose numbers are never used again."""
    with database.read() as connection:
        rows = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")
        )
        return {row.name for row in rows}


def set_version(database: Database, version: str) -> None:
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


@pytest.fixture
def other_database(request: pytest.FixtureRequest, database_url: str, tmp_path: Any) -> Iterator[Database]:
    """A second empty database of the same kind."""
    from tensorfleet.testing.servers import create_database

    if database_url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path / 'other.db'}"
    else:
        url = create_database(request.getfixturevalue("postgres_server"))
    opened = Database(url)
    yield opened
    opened.close()


def test_step_by_step_gives_what_the_tables_say(upgraded: Database) -> None:
    with upgraded.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_both_ways_give_the_same_schema(upgraded: Database, other_database: Database) -> None:
    ensure_schema(other_database)
    assert schema_of(upgraded) == schema_of(other_database)
    assert set(schema_of(upgraded)) == {*metadata.tables, "alembic_version"}
    if upgraded.is_sqlite:
        assert numbered_tables(upgraded) == numbered_tables(other_database) == {"leases", "events", "outbox"}


def test_an_empty_database_is_prepared_once(empty_database: Database) -> None:
    for _ in range(2):
        ensure_schema(empty_database)
        wait_for_schema(empty_database, 1)
        with empty_database.read() as connection:
            rows = connection.execute(text("SELECT version_num FROM alembic_version"))
            assert list(rows.scalars()) == [HEAD]


def test_a_migration_that_fails_leaves_nothing(empty_database: Database) -> None:
    def break_off() -> None:
        with empty_database.begin() as connection:
            upgrade(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert schema_of(empty_database) == {}


def test_what_migrations_made_is_accepted(upgraded: Database) -> None:
    before = schema_of(upgraded)
    ensure_schema(upgraded)
    wait_for_schema(upgraded, 1)
    assert schema_of(upgraded) == before


def test_processes_that_prepare_it_at_once_do_not_disturb_each_other(database_url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", PREPARE, database_url]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    prepared = Database(database_url)
    assert set(schema_of(prepared)) == {*metadata.tables, "alembic_version"}
    prepared.close()


@pytest.mark.parametrize("newer", ["0099", "9999"])
def test_a_newer_schema_is_refused(empty_database: Database, newer: str) -> None:
    ensure_schema(empty_database)
    set_version(empty_database, newer)
    sentence = f"newer TensorFleet \\(schema {newer}, this one knows {HEAD}\\); install that version"
    with pytest.raises(InvalidInput, match=sentence):
        ensure_schema(empty_database)
    with pytest.raises(InvalidInput, match=sentence):
        wait_for_schema(empty_database, 5)


def test_waiting_ends_when_the_schema_is_there(empty_database: Database) -> None:
    with pytest.raises(Unavailable, match="has not been prepared; start the orchestrator"):
        wait_for_schema(empty_database, 0.05)
    ready = threading.Event()

    def wait() -> None:
        wait_for_schema(empty_database, 20)
        ready.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not ready.wait(0.05)
    ensure_schema(empty_database)
    waiting.join(20)
    assert ready.is_set()
