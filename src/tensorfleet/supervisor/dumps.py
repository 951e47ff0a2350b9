"""Copies of the databases of a platform that may be running: SQLite by its own backup, PostgreSQL by pg_dump."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from tensorfleet.errors import Conflict, Unavailable

MAGIC = b"SQLite format 3\0"
BESIDE = ("-wal", "-shm", "-journal")
BUSY_S = 30.0


def is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except FileNotFoundError:
        return False


def copy_sqlite(source: Path, target: Path) -> None:
    """A copy as of one moment, without stopping who writes."""
    with closing(sqlite3.connect(source, timeout=BUSY_S)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy, pages=4096)
        copy.execute("PRAGMA journal_mode=DELETE")


def is_postgres(url: str) -> bool:
    return url.partition("://")[0].partition("+")[0] == "postgresql"


def dump_postgres(url: str, target: Path) -> None:
    """A copy as of one moment.

    Raises:
        Unavailable: pg_dump is not installed, or does not get on with the server.
    """
    _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")


def load_postgres(url: str, source: Path) -> None:
    """Fills an empty database.

    Raises:
        Conflict: it has tables.
        Unavailable: it cannot be reached; pg_restore is not installed, or does not get on with the server.
    """
    import psycopg

    plain = _plain(url)
    query = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    try:
        with psycopg.connect(plain) as connection:
            found = connection.execute(query).fetchone()
    except psycopg.OperationalError as error:
        raise Unavailable(f"the database cannot be reached: {error}") from error
    if found and found[0]:
        raise Conflict(f"the database has {found[0]} tables; give an empty one in TENSORFLEET_DATABASE_URL")
    _run(
        "pg_restore",
        url,
        "--no-owner",
        "--no-privileges",
        "--single-transaction",
        "--exit-on-error",
        str(source),
    )


def _run(program: str, url: str, *arguments: str) -> None:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    path = shutil.which(program)
    if path is None:
        raise Unavailable(
            f"the database is PostgreSQL, and {program} is not installed here; install PostgreSQL's client programs"
        )
    parts = conninfo_to_dict(_plain(url))
    # A command line can be read by every user of the machine.
    env = {**os.environ, "PGPASSWORD": str(parts.pop("password", "") or "")}
    command = [
        path,
        f"--dbname={make_conninfo(**{name: str(value) for name, value in parts.items()})}",
        *arguments,
    ]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{program} failed: {done.stderr.strip()[-500:]}")


def _plain(url: str) -> str:
    return f"postgresql://{url.partition('://')[2]}"
