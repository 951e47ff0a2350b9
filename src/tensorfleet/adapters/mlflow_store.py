"""The SQL store of MLflow's runs and models: its address, its first start, and whether it can be written now.

Only the tracking writer and MLflow's own server open it.
"""

from __future__ import annotations

import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from tensorfleet.errors import InvalidInput, Unavailable

SCHEMA = "mlflow"
_LOCK_WAIT_S = 2.0

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # what goes wrong reaches us as exceptions, and our log from there
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # the writer has a backoff of its own
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "GIT_PYTHON_REFRESH": "quiet",
}


def mlflow_environment(url: str) -> dict[str, str]:
    """Variables that MLflow reads at import: no telemetry, no chatter, no connections kept to a file."""
    # A file may be moved away or begun anew: a pooled connection would go on writing to the old one.
    return _ENVIRONMENT | {"MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool" if sqlite_path(url) else ""}


def mlflow_url(url: str) -> str:
    """The address in the form that MLflow takes.

    A PostgreSQL one gets the driver that is installed, and a schema of its own: the database is shared.

    Raises:
        InvalidInput: it is neither a SQLite or PostgreSQL URL nor that of a tracking server.
    """
    if url.startswith(("http://", "https://")):
        return url.rstrip("/")
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return url
    options = parsed.query.get("options", "")
    if "search_path" not in str(options):
        parsed = parsed.update_query_dict({"options": f"{options} -csearch_path={SCHEMA}".strip()})
    return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def sqlite_path(url: str) -> Path | None:
    if not url.startswith("sqlite"):
        return None
    return Path(_parse(url).database or "").absolute()


def prepare_store(url: str) -> None:
    """Makes sure that there is a store: the file with all its tables, or the schema.

    Raises:
        Unavailable: its folder or server is away.
    """
    path = sqlite_path(url)
    try:
        if path is not None:
            if not path.exists():
                _create_file(path)
        elif not url.startswith("http"):
            _create_schema(url)
    except (OSError, SQLAlchemyError, sqlite3.Error) as error:
        raise Unavailable(f"MLflow's store cannot be opened: {_first_line(error)}") from error


def check_writable(url: str) -> None:
    """Fails within seconds where MLflow would wait long for a lock on its file; makes a missing file anew.

    Raises:
        Unavailable: the file is away, locked or broken.
    """
    path = sqlite_path(url)
    if path is None:
        return
    prepare_store(url)
    try:
        with closing(
            sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=_LOCK_WAIT_S, isolation_level=None)
        ) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise Unavailable(f"MLflow's store {path} cannot be written: {error}") from error


@contextmanager
def opening_mlflow(url: str) -> Iterator[None]:
    """Around import and first use: sets its environment; its deprecated calls are not ours to warn of."""
    os.environ.update(mlflow_environment(url))
    with warnings.catch_warnings():
        for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        yield


def _create_file(path: Path) -> None:
    # Built aside and moved into place: MLflow cannot go on with a migration that was killed half-way.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))
    try:
        engine = create_engine(URL.create("sqlite", database=str(part)), poolclass=NullPool)
        with opening_mlflow(str(engine.url)):
            from mlflow.store.db.utils import _initialize_tables

            _initialize_tables(engine)
        with closing(sqlite3.connect(part)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _create_schema(url: str) -> None:
    engine = create_engine(_parse(mlflow_url(url)), poolclass=NullPool, connect_args={"connect_timeout": 5})
    with engine.begin() as connection:
        if connection.execute(text("SELECT current_schema()")).scalar() is None:
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("sqlite", "postgresql"):
        shown = "it" if parsed is None else parsed.render_as_string(hide_password=True)
        raise InvalidInput(
            f"mlflow_url: {shown} is not an address of a store; "
            "write sqlite:////path/mlflow.db, postgresql://user@host/name or http://host:port"
        )
    return parsed


def _first_line(error: BaseException) -> str:
    return (str(getattr(error, "orig", None) or error).strip() or type(error).__name__).splitlines()[0]
