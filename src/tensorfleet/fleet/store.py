"""Workers in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import leases, outbox, tasks, workers
from tensorfleet.errors import NotFound, Replaced
from tensorfleet.fleet.health_codec import health_of, health_to_dict
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.health.record import Health

_SCALED_FROM = "scaled_from"
"""In a scaled worker's resources: the number of slots that it says hello with."""


class SqlWorkerStore:
    """The fleet as rows; agents are upserted under the id that they keep for life."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def join(self, worker: Worker) -> Worker:
        """Adds a worker, or brings a known one back: one that was draining goes on draining, a scaled one keeps its slots.

        A scaled worker keeps them until it says hello with another number than when it was scaled, as after `up --workers`.

        Raises:
            Replaced: its launcher has started it anew on another machine since, and that one has joined.
        """
        values: dict[str, Any] = {
            "name": worker.name,
            "slots": worker.slots,
            "resources": worker.resources,
            "stats": worker.stats,
            "seen_at": worker.seen_at,
        }
        draining = WorkerState.DRAINING.value
        state = case((workers.c.state == draining, draining), else_=WorkerState.ONLINE.value)
        with self._database.begin() as connection:
            known = _find(connection, worker.id)
            if (
                known
                and known.state != WorkerState.LOST.value
                and _is_later(known.resources, worker.resources)
            ):
                raise Replaced(f"a later agent has joined as worker {worker.id}, and this one has to end")
            if known and known.resources.get(_SCALED_FROM) == worker.slots:
                values["slots"] = known.slots
                values["resources"] = {**worker.resources, _SCALED_FROM: worker.slots}
            row = {
                "id": worker.id,
                "state": WorkerState.ONLINE.value,
                "joined_at": worker.joined_at,
                **values,
            }
            insert_one = (sqlite if self._database.is_sqlite else postgresql).insert(workers).values(**row)
            upsert = insert_one.on_conflict_do_update(index_elements=["id"], set_={"state": state, **values})
            connection.execute(upsert)
            return _worker(_find(connection, worker.id))

    def beat(self, seen: dict[str, tuple[datetime, dict[str, Any]]]) -> None:
        """Writes the latest heartbeats of several workers."""
        with self._database.begin() as connection:
            for worker_id, (at, stats) in seen.items():
                connection.execute(
                    update(workers).where(workers.c.id == worker_id).values(seen_at=at, stats=stats)
                )

    def set_state(self, worker_id: str, state: WorkerState) -> None:
        with self._database.begin() as connection:
            if (
                connection.execute(
                    update(workers).where(workers.c.id == worker_id).values(state=state.value)
                ).rowcount
                == 0
            ):
                raise _no_worker(worker_id)

    def scale(self, worker_id: str, slots: int) -> None:
        """Changes how many tasks a worker may be given; those that it runs are left alone."""
        with self._database.begin() as connection:
            row = _find(connection, worker_id)
            if row is None:
                raise _no_worker(worker_id)
            resources = {_SCALED_FROM: row.slots, **row.resources}
            values = {"slots": slots, "resources": resources}
            connection.execute(update(workers).where(workers.c.id == worker_id).values(**values))

    def forget(self, worker_ids: Sequence[str]) -> None:
        """Takes workers that are lost off the list."""
        lost = workers.c.state == WorkerState.LOST.value
        with self._database.begin() as connection:
            connection.execute(delete(workers).where(workers.c.id.in_(worker_ids), lost))

    def request(self, worker_id: str, intent: str, now: datetime, **data: Any) -> None:
        """Leaves an intent for the orchestrator.

        `drain`, `undrain`, `scale` with `slots`, `target` with `workers`, `quarantine` with `reason`, `release`, `check`.
        """
        with self._database.begin() as connection:
            row = {"topic": "orchestrator", "kind": intent, "ref": worker_id, "data": data, "created_at": now}
            connection.execute(insert(outbox).values(**row))

    def get(self, worker_id: str) -> Worker:
        with self._database.read() as connection:
            row = _find(connection, worker_id)
        if row is None:
            raise _no_worker(worker_id)
        return _worker(row)

    def all(self) -> list[Worker]:
        with self._database.read() as connection:
            return [
                _worker(row)
                for row in connection.execute(select(workers).order_by(workers.c.joined_at, workers.c.id))
            ]

    def running(self) -> dict[str, list[dict[str, Any]]]:
        """What each worker holds leases for: `worker id -> [{job_id, rank, attempt, status}]`."""
        query = (
            select(tasks).join(leases, tasks.c.lease == leases.c.token).where(leases.c.released_at.is_(None))
        )
        found: dict[str, list[dict[str, Any]]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query.order_by(tasks.c.lease)):
                task = {"job_id": row.job_id, "rank": row.rank, "attempt": row.attempt, "status": row.status}
                found.setdefault(row.worker_id, []).append(task)
        return found


def write_health(connection: Connection, found: Mapping[str, Health]) -> None:
    """What is known of the machines of these workers, inside the caller's transaction."""
    for worker_id, health in found.items():
        connection.execute(
            update(workers).where(workers.c.id == worker_id).values(health=health_to_dict(health))
        )


def _is_later(known: dict[str, Any], comes: dict[str, Any]) -> bool:
    """Whether what is known is of a later incarnation than what comes; agents that are started by hand have none."""
    return bool(int(known.get("incarnation") or 0) > int(comes.get("incarnation") or 0))


def _find(connection: Connection, worker_id: str) -> Row[Any] | None:
    return connection.execute(select(workers).where(workers.c.id == worker_id)).one_or_none()


def _no_worker(worker_id: str) -> NotFound:
    return NotFound(
        f"there is no worker '{worker_id[:80]}'; `tensorfleet workers list` shows those that there are"
    )


def _worker(row: Row[Any] | None) -> Worker:
    assert row is not None
    return Worker(
        row.id,
        row.name,
        WorkerState(row.state),
        row.slots,
        row.resources,
        row.stats,
        row.joined_at,
        row.seen_at,
        health_of(row.health) if row.health else None,
    )
