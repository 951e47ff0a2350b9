"""Jobs and events as rows, for tests of what follows the event log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.migrate import ensure_schema
from tensorfleet.adapters.schema import events, jobs
from tensorfleet.jobs.model import Event

START = datetime(2026, 3, 4, 5, 6, 7, 123456, UTC)


def new_database(url: str) -> Database:
    """An empty metadata store with all its tables."""
    database = Database(url)
    ensure_schema(database)
    return database


def insert_job(database: Database, job_id: str, **columns: Any) -> None:
    """A running job that trains a random forest on version 2 of `wine`; `columns` replace its columns."""
    spec = {
        "name": "wine forest",
        "algorithm": "random_forest",
        "dataset": "wine@2",
        "model_name": "wine",
        "hyperparameters": {"trees": 50, "split": {"criterion": "gini"}, "hidden": [64, 32]},
        "labels": {"team": "cellar"},
        "seed": 7,
    }
    dataset = {
        "name": "wine",
        "version": 2,
        "digest": "ab" * 32,
        "format": "csv",
        "target": "class",
        "rows": 178,
        "columns": [{"name": "ash", "type": "number"}, {"name": "class", "type": "category"}],
    }
    row = {
        "id": job_id,
        "name": "wine forest",
        "workspace": "default",
        "kind": "train",
        "status": "running",
        "priority": 1,
        "workers": 2,
        "spec": spec,
        "inputs": {"dataset": dataset},
        "attempt": 1,
        "metrics": {},
        "created_at": START,
        "started_at": START,
        **columns,
    }
    with database.begin() as connection:
        connection.execute(insert(jobs).values(**row))


def update_job(database: Database, job_id: str, **columns: Any) -> None:
    with database.begin() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(**columns))


def job_row(database: Database, job_id: str) -> Any:
    with database.read() as connection:
        return connection.execute(select(jobs).where(jobs.c.id == job_id)).one()


def append_event(
    database: Database, job_id: str | None, kind: str, data: dict[str, Any], after_s: float = 0.0
) -> int:
    """Appends one event, `after_s` seconds after `START`, and returns its id."""
    with database.begin() as connection:
        database.lock_event_log(connection)
        row = {"job_id": job_id, "kind": kind, "at": START + timedelta(seconds=after_s), "data": data}
        return int(connection.execute(insert(events).values(**row).returning(events.c.id)).scalar_one())


def events_of(database: Database, kind: str) -> list[Event]:
    with database.read() as connection:
        rows = connection.execute(select(events).where(events.c.kind == kind).order_by(events.c.id))
        return [Event(row.id, row.job_id, row.kind, row.at, row.data) for row in rows]


def metrics_event(
    first_step: int, steps: int, names: tuple[str, ...] = ("loss",), rank: int = 0
) -> dict[str, Any]:
    """The data of a `metrics` event: at step n each metric is 1/(n+1), one step a second."""
    points = [
        {"step": step, "at": START.timestamp() + step, "values": dict.fromkeys(names, 1 / (step + 1))}
        for step in range(first_step, first_step + steps)
    ]
    return {"attempt": 1, "rank": rank, "points": points}


def model_result(job_id: str, attempt: int = 1) -> dict[str, Any]:
    """What a task leaves in its outcome when it trained a model."""
    return {
        "status": "succeeded",
        "metrics": {"accuracy": 0.97},
        "model": {
            "prefix": f"models/{job_id}/{attempt}",
            "files": [{"path": "MLmodel", "bytes": 12, "sha256": "cd" * 32}],
            "flavor": "sklearn",
            "task": "classification",
            "signature": {
                "inputs": [{"type": "double", "name": "ash", "required": True}],
                "outputs": [{"type": "long"}],
            },
            "target": "class",
            "classes": ["a", "b"],
        },
    }


def complete_job(database: Database, job_id: str, after_s: float = 30.0) -> None:
    """The orchestrator's last write: the result in the job, and its event."""
    result = model_result(job_id)
    update_job(database, job_id, status="completed", result=result, metrics=result["metrics"])
    append_event(database, job_id, "job.completed", {"reason": None, "metrics": result["metrics"]}, after_s)
