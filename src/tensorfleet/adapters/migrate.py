"""Brings the metadata store to the schema of this version.

A new, empty database gets the tables at once; an older one is upgraded by Alembic, step by step.  A test holds both ways equal.
"""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import metadata
from tensorfleet.errors import InvalidInput, Unavailable

HEAD = "0019"
# As Alembic itself makes it.
_VERSION_COLUMN = "version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)"


def ensure_schema(database: Database) -> None:
    """Creates or upgrades the tables, in one transaction.  Called by the orchestrator, before it works.

    Safe to repeat, and from several processes at once: one does the work and the others wait for it.

    Raises:
        InvalidInput: the database was written by a newer version.
    """
    with database.begin() as connection:
        database.lock_schema(connection)
        found = _version(connection)
        if found is None:
            metadata.create_all(connection)
            connection.execute(text(f"CREATE TABLE alembic_version ({_VERSION_COLUMN})"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        elif found != HEAD:
            _refuse_newer(found)
            upgrade(connection)


def wait_for_schema(database: Database, timeout_s: float = 30.0) -> None:
    """For everybody else: returns once the orchestrator has made the schema ready.

    Raises:
        InvalidInput: the database was written by a newer version.
        Unavailable: it was not ready within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with database.read() as connection:
            found = _version(connection)
        if found == HEAD:
            return
        if found is not None:
            _refuse_newer(found)
        time.sleep(0.02)
    raise Unavailable("the metadata store has not been prepared; start the orchestrator, which does it")


def upgrade(connection: Connection) -> None:
    """Runs all migrations that the database does not have yet, inside the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_newer(found: str) -> None:
    if found > HEAD:
        raise InvalidInput(
            f"this home was written by a newer TensorFleet (schema {found}, this one knows {HEAD}); install that version or newer"
        )


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
