"""Metrics in columns, rolled up from the log and read together with it, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import jobs, metric_segments
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import JobStatus, NewEvent
from tensorfleet.jobs.ports import NewJob
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.retention.model import Ended, Kind
from tensorfleet.retention.store import SqlRetentionStore
from tensorfleet.series.columns import NO_STEP, reported
from tensorfleet.series.plan import Wanted
from tensorfleet.series.rolling import SEGMENT_BYTES, Rolling
from tensorfleet.series.segment import segment_of
from tensorfleet.series.service import SeriesService
from tensorfleet.series.store import SqlSeriesStore

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
JOB = "j-1"
Point = tuple[int | None, dict[str, float | None]]


class World:
    def __init__(self, database: Database, segment_bytes: int = 1) -> None:
        """Each entry is enough for a segment, unless it is told otherwise."""
        self.database, self.segment_bytes = database, segment_bytes
        self.store = SqlSeriesStore(database)
        self.series = SeriesService(self.store)
        self.log = SqlEventLog(database)
        self.restart()
        self.jobs = SqlJobStore(database)
        self.new_job(JOB)

    def restart(self) -> None:
        self.rolling = Rolling(self.log, self.store, self.segment_bytes)

    def new_job(self, job_id: str) -> None:
        self.jobs.insert(NewJob(job_id, "n", "default", "train", 1, 1, {}, {}, NOW))

    def report(self, *points: Point, rank: int = 0, attempt: int = 1, job_id: str = JOB) -> int:
        """One entry of the log, as the orchestrator writes them; its id."""
        given = [{"step": step, "at": 1e9 + (step or 0) % 1000, "values": values} for step, values in points]
        data = {"rank": rank, "attempt": attempt, "points": given}
        with self.database.begin() as connection:
            self.log.append(connection, [NewEvent("metrics", NOW, data, job_id)])
        return self.log.last_id()

    def roll(self) -> int:
        """Rolls up what there is; how many segments the job then has."""
        while self.rolling.once():
            pass
        return self.segments()

    def segments(self) -> int:
        with self.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(metric_segments)).scalar_one())

    def read(self, **wanted: Any) -> dict[str, list[tuple[int | None, float]]]:
        answer = self.series.read(JOB, Wanted(**wanted))
        return {
            one.name: [
                (None if step == NO_STEP else step, value)
                for step, value in zip(one.points.step.tolist(), one.points.value.tolist(), strict=True)
            ]
            for one in answer.courses
        }

    def end(self, job_id: str = JOB) -> None:
        with self.database.begin() as connection:
            changed = {"status": JobStatus.COMPLETED.value, "finished_at": NOW}
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(changed))


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def steps(begin: int, end: int, offset: float = 0.0) -> list[Point]:
    return [(step, {"loss": step + offset}) for step in range(begin, end)]


def test_what_is_rolled_up_and_what_is_not_are_one(world: World) -> None:
    expected = [(step, float(step)) for step in range(1, 301)]
    world.report(*steps(1, 101))
    assert world.read() == {"loss": expected[:100]}, "nothing is rolled up yet"
    assert world.roll() == 1
    world.report(*steps(101, 201))
    assert world.roll() == 2
    world.report(*steps(201, 301))
    assert world.segments() == 2
    assert world.read() == {"loss": expected}
    assert world.roll() == 3
    assert world.read() == {"loss": expected}


def test_a_point_that_is_committed_is_in_the_next_answer(world: World) -> None:
    for number in range(1, 30):
        world.report((number, {"loss": 1.0}))
        if number % 3 == 0:
            world.roll()
        assert world.read()["loss"][-1] == (number, 1.0)


@pytest.mark.parametrize("rolls", [(), (0,), (1,), (0, 1)])
def test_where_an_attempt_repeats_steps_its_values_count(world: World, rolls: tuple[int, ...]) -> None:
    world.report(*steps(1, 21))
    if 0 in rolls:
        world.roll()
    world.report(*[(step, {"loss": -step}) for step in range(11, 31, 2)], attempt=2)
    if 1 in rolls:
        world.roll()
    expected = {step: float(step) for step in range(1, 21)} | {
        step: -float(step) for step in range(11, 31, 2)
    }
    assert world.read() == {"loss": sorted(expected.items())}
    (summary,), _ = world.series.summary(JOB, 0)
    assert (summary.count, summary.least, summary.greatest) == (len(expected), -29.0, 20.0)
    assert (int(summary.last.step[0]), float(summary.last.value[0])) == (29, -29.0)


def test_the_least_and_the_greatest_of_a_long_course_survive_thinning(world: World) -> None:
    values = {step: float(step % 17) for step in range(1, 5001)} | {1234: 99.0, 4321: -99.0}
    for begin in range(1, 5001, 500):
        world.report(*[(step, {"loss": values[step], "flat": 1.0}) for step in range(begin, begin + 500)])
    assert world.roll() == 10
    found = world.read(points=20)
    assert {(1, 1.0), (1234, 99.0), (4321, -99.0), (5000, values[5000])} <= set(found["loss"])
    assert len(found["loss"]) <= 20
    assert all(values[step] == value for step, value in found["loss"] if step is not None)
    assert found["flat"][0][0] == 1
    assert found["flat"][-1][0] == 5000
    (_, loss), _ = world.series.summary(JOB, 0)
    assert (loss.count, loss.least, loss.greatest) == (5000, -99.0, 99.0)


def test_a_part_of_the_steps_is_drawn_as_finely_as_the_whole(world: World) -> None:
    for begin in range(0, 20_000, 2000):
        world.report(*[(step, {"loss": float(step)}) for step in range(begin, begin + 2000)])
    world.roll()
    assert world.read(first=3001, last=3010)["loss"] == [(step, float(step)) for step in range(3001, 3011)]
    wide = world.read(first=1990, last=12_010, points=100)["loss"]
    assert wide[0][0] == 1990
    assert wide[-1][0] == 12_010
    assert 90 <= len(wide) <= 100
    assert world.read(first=30_000) == {}


def test_ranks_are_apart(world: World) -> None:
    world.report(*steps(1, 21), rank=0)
    world.report(*steps(1, 21, 0.5), rank=3)
    for _ in range(2):
        assert world.read(rank=3) == {"loss": [(step, step + 0.5) for step in range(1, 21)]}
        assert world.read(rank=0) == {"loss": [(step, float(step)) for step in range(1, 21)]}
        assert world.read(rank=1) == {}
        world.roll()
    assert world.segments() == 2


def test_since_gives_what_came_after(world: World) -> None:
    first = world.report(*steps(1, 21))
    second = world.report(*steps(21, 41))
    world.report(*steps(41, 61), rank=1)
    third = world.report(*steps(61, 81))
    for _ in range(2):
        assert world.read(since=first) == {"loss": [(n, float(n)) for n in [*range(21, 41), *range(61, 81)]]}
        assert world.read(since=second) == {"loss": [(n, float(n)) for n in range(61, 81)]}
        assert world.read(since=third) == {}
        assert world.series.read(JOB, Wanted(since=first)).position == third
        assert world.series.read(JOB, Wanted(since=third)).position == third
        world.roll()


def test_since_within_a_segment(database: Database) -> None:
    world = World(database, segment_bytes=50)  # at first; with few points each they become larger
    ids = [world.report((number, {"loss": float(number)})) for number in range(1, 7)]
    assert world.roll() == 2
    for number, entry in enumerate(ids, 1):
        assert [step for step, _ in world.read(since=entry).get("loss", [])] == list(range(number + 1, 7))


def test_values_and_steps_of_all_kinds(world: World) -> None:
    world.report(
        (1, {"loss": None, "": 2.0}), (None, {"loss": 5.0}), (10**30, {"far": 1.0}), (-3, {"loss": 7})
    )
    world.report((None, {"loss": 6.0}), (2, {"a\u0000b\ud7ff\U0001f600" * 500: 1e308, "loss": True}))
    for _ in range(2):
        found = world.read()
        steps_of_loss = [(step, value) for step, value in found["loss"] if value == value]
        assert steps_of_loss == [(-3, 7.0), (2, 1.0), (None, 6.0)]
        assert [step for step, value in found["loss"] if value != value] == [1]
        assert found[""] == [(1, 2.0)]
        assert found["far"] == [(None, 1.0)]
        assert found["a\u0000b\ud7ff\U0001f600" * 500] == [(2, 1e308)]
        assert len(world.read(points=1)["loss"]) == 1
        world.roll()


def test_twelve_thousand_metrics(world: World) -> None:
    names = [f"layer/{number}/norm" for number in range(12_000)]
    for step in range(3):
        world.report((step, dict.fromkeys(names, float(step))))
    world.roll()
    world.report((3, dict.fromkeys(names, 3.0)))
    found = world.read(points=3)
    assert sorted(found) == sorted(names)
    assert found["layer/11999/norm"] == [(0, 0.0), (3, 3.0)]
    assert world.read(names=frozenset(names[:2])).keys() == set(names[:2])
    assert len(world.series.summary(JOB, 0)[0]) == 12_000


def test_a_crash_between_any_two_writes_neither_loses_nor_doubles(world: World) -> None:
    """Who starts anew, with a cursor that lags or with none, finds what the segments say."""
    world.report(*steps(1, 101))
    world.roll()
    for _ in range(2):
        world.restart()
        assert world.roll() == 1
        (summary,), _ = world.series.summary(JOB, 0)
        assert summary.count == 100
    world.report(*steps(101, 121))
    world.restart()
    assert world.roll() == 2


def test_of_two_who_roll_up_one_is_refused(world: World) -> None:
    first = world.report(*steps(1, 11))
    last = world.report(*steps(11, 21))
    ready, outcomes = threading.Barrier(4), list[bool]()

    def roll(upto: int) -> None:
        entries = [entry.data for entry in world.store.entries(JOB, 0, upto)]
        segments = {rank: segment_of(one) for rank, one in reported(entries).items()}
        ready.wait(10)
        outcomes.append(world.store.add(JOB, 0, upto, segments))

    threads = [threading.Thread(target=roll, args=(upto,)) for upto in (first, last, first, last)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(outcomes) == [False, False, False, True]
    assert world.read() == {"loss": [(n, float(n)) for n in range(1, 21)]}


def test_a_job_that_is_deleted_takes_its_segments_along(world: World) -> None:
    upto = world.report(*steps(1, 21))
    assert world.roll() == 1
    segments = {0: segment_of(reported([e.data for e in world.store.entries(JOB, 0)])[0])}
    world.end()
    world.jobs.delete(JOB)
    assert world.segments() == 0
    assert not world.store.add(JOB, 0, upto, segments), "one who was slow brings nothing back"
    assert world.segments() == 0


def test_retention_of_metrics_takes_them_along(world: World) -> None:
    upto = world.report(*steps(1, 21))
    segments = {0: segment_of(reported([e.data for e in world.store.entries(JOB, 0)])[0])}
    store, job = SqlRetentionStore(world.database), Ended(JOB, "n", "default", NOW, {}, None)
    in_log = store.entries_bytes(JOB, Kind.METRICS)
    world.roll()
    world.end()
    assert store.entries_bytes(JOB, Kind.METRICS) > in_log > 0 == store.entries_bytes(JOB, Kind.LOGS)
    assert not store.remove_entries(replace(job, finished_at=NOW - timedelta(days=1)), Kind.METRICS)
    assert world.segments() == 1
    assert store.remove_entries(job, Kind.METRICS)
    assert world.segments() == 0 == store.entries_bytes(JOB, Kind.METRICS)
    assert world.read() == {}
    assert not world.store.add(JOB, 0, upto, segments)


def test_small_jobs_stay_in_the_log(database: Database) -> None:
    world = World(database, SEGMENT_BYTES)
    world.report(*steps(1, 1001))
    assert world.roll() == 0
    assert len(world.read()["loss"]) == 1000


def test_segments_are_of_about_the_same_part_of_the_log(database: Database) -> None:
    world = World(database, SEGMENT_BYTES)
    for begin in range(0, 100_000, 5000):
        world.report(*steps(begin, begin + 5000))
        if begin % 15_000 == 0:
            world.roll()
    assert world.roll() == 2
    assert world.store.waiting_bytes(JOB, world.log.last_id()) < SEGMENT_BYTES
    assert len(world.read()["loss"]) == 100_000
    assert not world.rolling.behind()
