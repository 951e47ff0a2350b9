"""How busy workers were, in SQL: sums of samples in rows of half a minute, and in rows of ten that are kept for longer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, case, delete, func, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import leases, worker_usage
from tensorfleet.fleet.usage import COARSE_S, FINE_KEPT, FINE_S, Sample, Window

AT_ONCE = 500
"""Rows in a transaction: whoever places jobs waits for no more than these."""
_SUMS = ("load", "memory", "slots", "busy", "queued", "workers")
_HIGHEST = ("load", "memory", "busy", "queued")
_US = 1_000_000


class SqlUsage:
    """Rows are added to and thinned out by whoever likes: two who tell of the same moment change a mean, and break nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def busy(self) -> dict[str, int]:
        """How many leases each worker holds."""
        query = select(leases.c.worker_id, func.count()).where(leases.c.released_at.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(query.group_by(leases.c.worker_id)).all()
        return {str(worker_id): int(count) for worker_id, count in rows}

    def add(self, at: datetime, samples: Sequence[Sample]) -> None:
        rows = [_row(sample, at, span_s) for sample in samples for span_s in (FINE_S, COARSE_S)]
        # In order: two who write the same rows never wait for each other in a circle.
        rows.sort(key=lambda row: (row["span_s"], row["worker_id"], row["gpu"]))
        statement = self._upsert()
        for begin in range(0, len(rows), AT_ONCE):
            with self._database.begin() as connection:
                connection.execute(statement, rows[begin : begin + AT_ONCE])

    def _upsert(self) -> Any:
        found = (sqlite if self._database.is_sqlite else postgresql).insert(worker_usage)
        new, old = found.excluded, worker_usage.c
        changed: dict[str, Any] = {name: old[name] + new[name] for name in ("count", *_named("sum", _SUMS))}
        for name in _named("max", _HIGHEST):
            changed[name] = case((new[name] > old[name], new[name]), else_=old[name])
        return found.on_conflict_do_update(index_elements=["span_s", "worker_id", "at", "gpu"], set_=changed)

    def read(self, worker_id: str, window: Window) -> list[dict[str, Any]]:
        """Means and highest values by step and GPU, in order; steps of which nothing is known are left out."""
        at = worker_usage.c
        step = (type_coerce(at.at, BigInteger) // (window.step_s * _US)).label("step")
        count = func.sum(at["count"])
        means = [(func.sum(at[f"{name}_sum"]) / count).label(name) for name in _SUMS]
        highest = [func.max(at[name]).label(name) for name in _named("max", _HIGHEST)]
        query = (
            select(step, at.gpu, *means, *highest)
            .where(
                at.span_s == window.span_s,
                at.worker_id == worker_id,
                at.at >= window.begin,
                at.at <= window.end,
            )
            .group_by("step", at.gpu)
            .order_by("step", at.gpu)
        )
        with self._database.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return [
            {**row, "at": datetime.fromtimestamp(int(row.pop("step")) * window.step_s, UTC)} for row in rows
        ]

    def prune(self, now: datetime, before: datetime | None) -> None:
        """Rows from before an instant (None: none) go; fine ones after a day at the latest."""
        at, day = worker_usage.c, now - FINE_KEPT
        for span_s, oldest in ((FINE_S, max(before or day, day)), (COARSE_S, before)):
            if oldest is not None:
                with self._database.begin() as connection:
                    connection.execute(delete(worker_usage).where(at.span_s == span_s, at.at < oldest))


def _named(what: str, names: Sequence[str]) -> list[str]:
    return [f"{name}_{what}" for name in names]


def _row(sample: Sample, at: datetime, span_s: int) -> dict[str, Any]:
    values = asdict(sample)
    begin = int(at.timestamp()) // span_s * span_s
    row = {"span_s": span_s, "worker_id": sample.worker_id, "gpu": sample.gpu, "count": 1}
    row |= {"at": datetime.fromtimestamp(begin, UTC)}
    row |= {f"{name}_sum": values[name] for name in _SUMS}
    return row | {f"{name}_max": values[name] for name in _HIGHEST}
