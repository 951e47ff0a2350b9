"""Service levels in SQL: sums over jobs and leases, which belong to others and are only read here, and what was measured."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, case, delete, func, literal, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite

from tensorfleet.adapters.database import Database, UtcTime
from tensorfleet.adapters.schema import jobs, leases, sla_answers, sla_uptime
from tensorfleet.jobs.model import JobStatus
from tensorfleet.sla.counts import ENDLESS
from tensorfleet.sla.figures import Answers, Ended, Held, Jobs, Tally
from tensorfleet.sla.uptime import Span, spans_after

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MINUTES_KEPT = timedelta(days=1)
_US = 1_000_000
_STUDY = "tune"  # runs from the beginning, and waits for nothing


class SqlJobFigures:
    """`JobFigures` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(
        self,
        begin: datetime,
        end: datetime,
        now: datetime,
        edges: Sequence[float],
        workspaces: Collection[str] | None,
    ) -> dict[str, Jobs]:
        with self._database.read() as connection:
            submitted = _submitted(connection, begin, end, edges, workspaces)
            waiting = _waiting(connection, begin, end, now, edges, workspaces)
            ended = _ended(connection, begin, end, workspaces)
            held = _held(connection, begin, end, edges, workspaces)
        return {
            name: Jobs(
                *submitted.get(name, (0, {})),
                waiting.get(name, {}),
                tuple(ended.get(name, ())),
                held.get(name, Held()),
            )
            for name in submitted.keys() | waiting.keys() | ended.keys() | held.keys()
        }


def _submitted(
    connection: Connection,
    begin: datetime,
    end: datetime,
    edges: Sequence[float],
    workspaces: Collection[str] | None,
) -> dict[str, tuple[int, dict[float, int]]]:
    took = type_coerce(jobs.c.started_at, BigInteger) - type_coerce(jobs.c.created_at, BigInteger)
    not_yet = jobs.c.started_at.is_(None) | (jobs.c.kind == _STUDY)
    edge = case((not_yet, None), else_=_edge(took, edges, _US)).label("edge")
    query = select(jobs.c.workspace, edge, func.count()).where(
        jobs.c.created_at >= begin, jobs.c.created_at < end, *_only(jobs.c.workspace, workspaces)
    )
    found: dict[str, tuple[int, dict[float, int]]] = {}
    for name, at_most, count in connection.execute(query.group_by(jobs.c.workspace, "edge")):
        before, waits = found.get(name, (0, {}))
        if at_most is not None:
            waits[float(at_most)] = int(count)
        found[name] = (before + int(count), waits)
    return found


def _waiting(
    connection: Connection,
    begin: datetime,
    end: datetime,
    now: datetime,
    edges: Sequence[float],
    workspaces: Collection[str] | None,
) -> dict[str, dict[float, int]]:
    so_far = round(now.timestamp() * _US) - type_coerce(jobs.c.created_at, BigInteger)
    edge = _edge(so_far, edges, _US).label("edge")
    query = select(jobs.c.workspace, edge, func.count()).where(
        jobs.c.status == JobStatus.QUEUED.value,
        jobs.c.started_at.is_(None),
        jobs.c.created_at >= begin,
        jobs.c.created_at < end,
        *_only(jobs.c.workspace, workspaces),
    )
    found: dict[str, dict[float, int]] = {}
    for name, at_most, count in connection.execute(query.group_by(jobs.c.workspace, "edge")):
        found.setdefault(name, {})[float(at_most)] = int(count)
    return found


def _ended(
    connection: Connection, begin: datetime, end: datetime, workspaces: Collection[str] | None
) -> dict[str, list[Ended]]:
    by = (jobs.c.workspace, jobs.c.status, jobs.c.failure)
    again = case((jobs.c.attempt > 1, jobs.c.attempt - 1), else_=0)
    query = select(*by, func.count(), func.sum(again), func.sum(jobs.c.steps_lost)).where(
        jobs.c.finished_at >= begin, jobs.c.finished_at < end, *_only(jobs.c.workspace, workspaces)
    )
    found: dict[str, list[Ended]] = {}
    for name, status, failure, count, retries, steps in connection.execute(query.group_by(*by)):
        found.setdefault(name, []).append(Ended(status, failure, int(count), int(retries), int(steps)))
    return found


def _held(
    connection: Connection,
    begin: datetime,
    end: datetime,
    edges: Sequence[float],
    workspaces: Collection[str] | None,
) -> dict[str, Held]:
    edge = _edge(leases.c.idle_s, edges, 1).label("edge")
    lost, hung = leases.c.lost_s, leases.c.hung_s
    sums = (func.coalesce(func.sum(one), 0.0) for one in (lost, hung, (lost + hung) * leases.c.cpus))
    query = select(leases.c.workspace, edge, func.count(), *sums).where(
        leases.c.released_at >= begin,
        leases.c.released_at < end,
        leases.c.idle_s.is_not(None),
        *_only(leases.c.workspace, workspaces),
    )
    found: dict[str, Held] = {}
    for name, at_most, count, *more in connection.execute(query.group_by(leases.c.workspace, "edge")):
        before = found.get(name, Held())
        lost_s, hung_s, cpu_s = map(float, more)
        found[name] = Held(
            {**before.assignments, float(at_most): int(count)},
            before.lost_s + lost_s,
            before.hung_s + hung_s,
            before.lost_cpu_s + cpu_s,
        )
    return found


def _edge(value: ColumnElement[Any], edges: Sequence[float], unit: int) -> ColumnElement[Any]:
    return case(*((value <= edge * unit, edge) for edge in edges), else_=ENDLESS)


def _only(column: ColumnElement[str], workspaces: Collection[str] | None) -> Iterator[ColumnElement[bool]]:
    if workspaces is not None:
        yield column.in_(sorted(workspaces))


class SqlMeasurements:
    """`Measurements` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def uptime(self, begin: datetime, end: datetime) -> Tally:
        first = case((sla_uptime.c.began_at < begin, literal(begin, UtcTime())), else_=sla_uptime.c.began_at)
        last = case((sla_uptime.c.ended_at > end, literal(end, UtcTime())), else_=sla_uptime.c.ended_at)
        length = type_coerce(last, BigInteger) - type_coerce(first, BigInteger)
        query = select(sla_uptime.c.up, func.sum(length)).where(
            sla_uptime.c.ended_at > begin, sla_uptime.c.began_at < end
        )
        with self._database.read() as connection:
            found = {
                bool(up): int(us) / _US for up, us in connection.execute(query.group_by(sla_uptime.c.up))
            }
        up_s = found.get(True, 0.0)
        return Tally(up_s, up_s + found.get(False, 0.0))

    def extend_uptime(
        self, connection: Connection, probes: Iterable[tuple[datetime, bool]], patience: timedelta
    ) -> None:
        """Takes over what whoever watches the API has found, inside its transaction; what was told before changes nothing."""
        newest = select(sla_uptime).order_by(sla_uptime.c.began_at.desc()).limit(1)
        row = connection.execute(newest).one_or_none()
        last = Span(row.began_at, row.ended_at, row.up) if row else None
        for span in spans_after(last, probes, patience):
            found = self._insert(sla_uptime).values(
                began_at=span.began_at, ended_at=span.ended_at, up=span.up
            )
            changed = {"ended_at": found.excluded.ended_at, "up": found.excluded.up}
            connection.execute(found.on_conflict_do_update(index_elements=["began_at"], set_=changed))

    def answers(self, begin: datetime, end: datetime, *, by_minute: bool) -> list[Answers]:
        span = MINUTE if by_minute else HOUR
        at = sla_answers.c
        query = select(at.route, at.edge_us, func.sum(at.count), func.sum(at.errors)).where(
            at.span_s == span.seconds, at.at >= _floor(begin, span), at.at < end
        )
        with self._database.read() as connection:
            rows = connection.execute(query.group_by(at.route, at.edge_us)).all()
        return [
            Answers(route, edge_us / _US, int(count), int(errors)) for route, edge_us, count, errors in rows
        ]

    def add_answers(self, counted: Mapping[datetime, Sequence[Answers]]) -> None:
        rows: dict[tuple[int, datetime, str, int], list[int]] = {}
        for minute, answers in counted.items():
            for span in (MINUTE, HOUR):
                for one in answers:
                    key = (span.seconds, _floor(minute, span), one.route, round(one.edge_s * _US))
                    row = rows.setdefault(key, [0, 0])
                    row[0] += one.count
                    row[1] += one.errors
        if not rows:
            return
        # In order: two gateways that write the same rows never wait for each other in a circle.
        values = [
            {"span_s": span_s, "at": at, "route": route, "edge_us": edge_us, "count": count, "errors": errors}
            for (span_s, at, route, edge_us), (count, errors) in sorted(rows.items())
        ]
        found = self._insert(sla_answers)
        more = {name: sla_answers.c[name] + found.excluded[name] for name in ("count", "errors")}
        with self._database.begin() as connection:
            connection.execute(
                found.on_conflict_do_update(index_elements=["span_s", "at", "route", "edge_us"], set_=more),
                values,
            )

    def prune(self, now: datetime, before: datetime) -> None:
        at = sla_answers.c
        with self._database.begin() as connection:
            connection.execute(delete(sla_uptime).where(sla_uptime.c.ended_at < before))
            for span, oldest in ((MINUTE, now - MINUTES_KEPT), (HOUR, before)):
                connection.execute(delete(sla_answers).where(at.span_s == span.seconds, at.at < oldest))

    def _insert(self, table: Any) -> Any:
        return (sqlite if self._database.is_sqlite else postgresql).insert(table)


def _floor(instant: datetime, span: timedelta) -> datetime:
    """The begin of its minute or hour, in UTC."""
    instant = instant.replace(second=0, microsecond=0)
    return instant if span == MINUTE else instant.replace(minute=0)
