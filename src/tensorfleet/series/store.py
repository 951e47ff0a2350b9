"""Segments in SQL, beside the event log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson
from sqlalchemy import LargeBinary, Text, cast, func, insert, select
from sqlalchemy.exc import IntegrityError

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import events, jobs, metric_segments
from tensorfleet.series.ports import Entry, Grown
from tensorfleet.series.segment import Head, Segment, head_of, names_of

_FIRST_PAGE, _LARGEST_PAGE, _PAGE_BYTES = 16, 512, 1 << 20
_BLOBS = 16
KIND = "metrics"


class SqlSeriesStore:
    """`SeriesStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        text = cast(events.c.data, LargeBinary if database.is_sqlite else Text)
        self._size = func.length(text) if database.is_sqlite else func.octet_length(text)

    def rolled(self, job_id: str) -> int:
        query = select(func.max(metric_segments.c.upto)).where(metric_segments.c.job_id == job_id)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def heads(self, job_id: str, rank: int, since: int) -> list[Head]:
        its = metric_segments.c
        query = select(its.after, its.upto, its.names, its.pieces).order_by(its.after)
        query = query.where(its.job_id == job_id, its.rank == rank, its.after >= since)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        known = {text: names_of(text) for text in {row.names for row in rows}}
        return [head_of(row.after, row.upto, known[row.names], bytes(row.pieces)) for row in rows]

    def blobs(
        self, job_id: str, rank: int, after: Sequence[int], *, whole: bool
    ) -> Iterator[tuple[int, bytes]]:
        its = metric_segments.c
        query = select(its.after, its.whole if whole else its.thin)
        query = query.where(its.job_id == job_id, its.rank == rank)
        for begin in range(0, len(after), _BLOBS):
            with self._database.read() as connection:
                chosen = query.where(its.after.in_(after[begin : begin + _BLOBS]))
                rows = connection.execute(chosen).all()
            yield from ((int(row[0]), bytes(row[1])) for row in rows)

    def entries(self, job_id: str, after: int, upto: int | None = None) -> Iterator[Entry]:
        query = select(events.c.id, cast(events.c.data, Text).label("text"))
        query = query.where(events.c.job_id == job_id, events.c.kind == KIND)
        if upto is not None:
            query = query.where(events.c.id <= upto)
        query, page = query.order_by(events.c.id), _FIRST_PAGE
        while True:
            with self._database.read() as connection:
                rows = connection.execute(query.where(events.c.id > after).limit(page)).all()
            # A number over 64 bits becomes a float, which is as good here: no step, or a value that is one anyway.
            yield from (Entry(row.id, orjson.loads(row.text), len(row.text)) for row in rows)
            if len(rows) < page:
                return
            after = rows[-1].id
            if (
                sum(len(row.text) for row in rows) < _PAGE_BYTES
            ):  # an entry has a line or some hundred kilobytes
                page = min(_LARGEST_PAGE, 4 * page)

    def add(self, job_id: str, after: int, upto: int, segments: dict[int, Segment]) -> bool:
        rows = [
            {
                "job_id": job_id, "rank": rank, "after": after, "upto": upto,
                "names": one.names, "pieces": one.pieces, "thin": one.thin, "whole": one.whole,
            }
            for rank, one in segments.items()
        ]  # fmt: skip
        # Locked as a foreign key locks it: who deletes the job, or its entries, waits for the end of this or comes before.
        job = select(jobs.c.id).where(jobs.c.id == job_id).with_for_update(read=True, key_share=True)
        last = select(events.c.id).where(events.c.id == upto, events.c.job_id == job_id)
        try:
            with self._database.begin() as connection:
                if any(connection.execute(query).scalar() is None for query in (job, last)):
                    return False
                connection.execute(insert(metric_segments), rows)
        except IntegrityError:
            return False
        return True

    def grown(self, position: int, limit: int) -> list[Grown]:
        query = select(events.c.id, events.c.job_id, self._size.label("bytes"))
        query = query.where(events.c.id > position, events.c.kind == KIND, events.c.job_id.is_not(None))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(events.c.id).limit(limit)).all()
        return [Grown(row.id, row.job_id, int(row.bytes)) for row in rows]

    def waiting_bytes(self, job_id: str, upto: int) -> int:
        rolled = select(func.coalesce(func.max(metric_segments.c.upto), 0))
        rolled = rolled.where(metric_segments.c.job_id == job_id)
        query = select(func.coalesce(func.sum(self._size), 0)).where(
            events.c.job_id == job_id,
            events.c.kind == KIND,
            events.c.id <= upto,
            events.c.id > rolled.scalar_subquery(),
        )
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())
