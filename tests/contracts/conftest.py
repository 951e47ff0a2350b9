"""The metadata store on each database that it runs on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import metadata
from tensorfleet.testing.servers import create_database, postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server for all tests; the URL of its first database."""
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables, new for each test."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'metadata.db'}"
    return create_database(request.getfixturevalue("postgres_server"))


@pytest.fixture
def empty_database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    """A database with all tables, new for each test."""
    with empty_database.begin() as connection:
        metadata.create_all(connection)
    return empty_database
