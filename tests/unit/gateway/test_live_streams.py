"""Live streams over a log in memory: what is read from it, and that nothing is left out or told twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tensorfleet.errors import Unavailable
from tensorfleet.gateway import streams
from tensorfleet.gateway.streams import LogWatcher, stream_events
from tensorfleet.jobs.model import Event, JobStatus

NOW = datetime(2026, 3, 4, tzinfo=UTC)


@dataclass
class Log:
    events: list[Event] = field(default_factory=list)
    away: bool = False
    reads: int = 0

    def add(self, job_id: str = "j-1", kind: str = "log", count: int = 1) -> None:
        for _ in range(count):
            self.events.append(Event(len(self.events) + 1, job_id, kind, NOW, {}))

    def last_id(self) -> int:
        if self.away:
            raise Unavailable("away")
        return len(self.events)

    def read_after(self, position: int, limit: int = 500, job_id: str | None = None) -> list[Event]:
        if self.away:
            raise Unavailable("away")
        self.reads += 1
        found = [one for one in self.events[position:] if job_id is None or one.job_id == job_id]
        return found[:limit]


class Pace:
    async def wait(self) -> None:
        await asyncio.sleep(0)

    async def close(self) -> None: ...


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def watcher(log: Log) -> AsyncIterator[LogWatcher]:
    found = LogWatcher(log, Pace(), in_thread=False)  # type: ignore[arg-type]
    yield found
    await found.close()


class Reader:
    """Collects the ids that one stream tells, until it has seen `until`."""

    def __init__(self, watcher: LogWatcher, log: Log, after: int = 0, **about: Any) -> None:
        self.ids: list[int] = []
        self.kinds: list[str] = []
        self._stream = stream_events(log, watcher, after, **about)  # type: ignore[arg-type]

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not enough():
                try:
                    piece = await anext(self._stream)
                except StopAsyncIteration:
                    return
                for line in piece.decode().splitlines():
                    if line.startswith("id: "):
                        self.ids.append(int(line[4:]))
                    elif line.startswith("event: "):
                        self.kinds.append(line[7:])

    async def close(self) -> None:
        await self._stream.aclose()  # type: ignore[attr-defined]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_many_readers_cost_one_read_of_each_entry(log: Log, watcher: LogWatcher) -> None:
    readers = [Reader(watcher, log) for _ in range(50)]
    work = [asyncio.create_task(reader.until(lambda r=reader: len(r.ids) == 10)) for reader in readers]  # type: ignore[misc]
    await settle()
    await asyncio.sleep(0.05)  # all of them wait
    log.reads = 0
    for _ in range(10):
        log.add()
        await asyncio.sleep(0.01)
    await asyncio.gather(*work)
    assert all(reader.ids == list(range(1, 11)) for reader in readers)
    assert log.reads <= 10
    for reader in readers:
        await reader.close()


async def test_who_comes_late_or_again_reads_the_log_and_then_goes_on_live(
    log: Log, watcher: LogWatcher
) -> None:
    log.add(count=3)
    first = Reader(watcher, log)
    waiting = asyncio.create_task(first.until(lambda: len(first.ids) == 5))
    await asyncio.sleep(0.05)
    log.add(count=2)
    await waiting
    late, middle = Reader(watcher, log, after=1), Reader(watcher, log, after=4)
    for reader, count in ((late, 4), (middle, 1)):
        await reader.until(lambda r=reader, c=count: len(r.ids) == c)  # type: ignore[misc]
    assert (first.ids, late.ids, middle.ids) == ([1, 2, 3, 4, 5], [2, 3, 4, 5], [5])
    for reader in (first, late, middle):
        await reader.close()


async def test_a_job_of_many_gets_its_own_entries(log: Log, watcher: LogWatcher) -> None:
    reader = Reader(watcher, log, job_id="j-2")
    waiting = asyncio.create_task(reader.until(lambda: len(reader.ids) == 2))
    await asyncio.sleep(0.05)
    for job_id in ("j-1", "j-2", "j-1", "j-1", "j-2"):
        log.add(job_id)
        await asyncio.sleep(0.005)
    await waiting
    assert reader.ids == [2, 5]
    await reader.close()


async def test_more_at_once_than_is_remembered_is_read_from_the_log(
    log: Log, watcher: LogWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PAGE", 7)
    monkeypatch.setattr(streams, "MOST_TOLD", 5)
    reader = Reader(watcher, log)
    waiting = asyncio.create_task(reader.until(lambda: len(reader.ids) == 126))
    await asyncio.sleep(0.02)
    for count in (1, 6, 7, 8, 100, 4):
        log.add(count=count)
        await asyncio.sleep(0.01)
    await waiting
    assert reader.ids == list(range(1, 127))
    assert len(watcher._tail) <= 5
    assert watcher._tail_bytes == sum(len(told.message) for told in watcher._tail)
    await reader.close()


async def test_the_end_of_a_job_comes_after_all_of_its_entries(
    log: Log, watcher: LogWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the watcher has not looked since: it stands still here."""
    monkeypatch.setattr(streams, "job_to_dict", lambda _: {})
    status = JobStatus.RUNNING
    ended = asyncio.Event()

    def get_job() -> Any:
        nonlocal status
        if ended.is_set():
            log.add("j-1", "log", 3)  # what was committed together with the end
            log.add("j-1", "job.completed")
            ended.clear()
            status = JobStatus.COMPLETED
        return SimpleNamespace(status=status)

    monkeypatch.setattr(streams, "KEEP_ALIVE_S", 0.05)
    reader = Reader(watcher, log, job_id="j-1", get_job=get_job)
    log.add("j-1")
    await reader.until(lambda: len(reader.ids) == 1)

    class Still(Pace):
        async def wait(self) -> None:
            await asyncio.sleep(60)

    watcher._pace = Still()
    waiting = asyncio.create_task(reader.until(lambda: "end" in reader.kinds))
    await asyncio.sleep(0.01)
    ended.set()
    await waiting
    assert reader.ids == [1, 2, 3, 4, 5]
    assert reader.kinds[-2:] == ["job.completed", "end"]


async def test_a_stream_says_that_the_log_is_away(
    log: Log, watcher: LogWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE_S", 0.05)
    reader = Reader(watcher, log)
    log.add()
    await reader.until(lambda: len(reader.ids) == 1)
    log.away = True
    with pytest.raises(Unavailable):
        await reader.until(lambda: False)


async def test_what_the_caller_may_not_see_is_left_out(log: Log, watcher: LogWatcher) -> None:
    reader = Reader(watcher, log, keep=lambda event: event.job_id == "j-2")
    waiting = asyncio.create_task(reader.until(lambda: len(reader.ids) == 2))
    await asyncio.sleep(0.02)
    for job_id in ("j-1", "j-2", "j-1", "j-2"):
        log.add(job_id)
        await asyncio.sleep(0.005)
    await waiting
    assert reader.ids == [2, 4]
    await reader.close()


async def test_details_are_told_of_the_jobs_that_are_looked_at_alone(log: Log, watcher: LogWatcher) -> None:
    told = {None: [1, 2, 3, 4, 5, 6, 7], frozenset({"j-2"}): [1, 4, 5, 6, 7], frozenset({""}): [1, 6, 7]}
    readers = {detail: Reader(watcher, log, detail=detail) for detail in told}
    for job_id, kind in (
        ("j-1", "job.started"),
        ("j-1", "log"),
        ("j-1", "metrics"),
        ("j-2", "log"),
        ("j-2", "metrics"),
    ):
        log.add(job_id, kind)
    waiting = [
        asyncio.create_task(reader.until(lambda r=reader: 7 in r.ids))  # type: ignore[misc]
        for reader in readers.values()
    ]
    await asyncio.sleep(0.02)
    log.add("j-1", "checkpoint")
    await asyncio.sleep(0.01)
    log.add("j-2", "job.completed")
    await asyncio.gather(*waiting)
    assert {detail: reader.ids for detail, reader in readers.items()} == told
    for reader in readers.values():
        await reader.close()


async def test_a_stream_from_which_all_is_left_out_says_that_it_lives_and_where_it_is(
    log: Log, watcher: LogWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE_S", 0.03)
    reader = Reader(watcher, log, detail=())
    waiting = asyncio.create_task(reader.until(lambda: len(reader.ids) >= 2))
    while not waiting.done():  # the log grows all the time: it never waits for as long as a keep-alive
        log.add("j-1", "metrics")
        await asyncio.sleep(0.001)
    assert reader.kinds == []
    assert 0 < reader.ids[0] < reader.ids[1] <= len(log.events)
    await reader.close()


async def test_it_does_not_look_while_nobody_listens(log: Log, watcher: LogWatcher) -> None:
    reader = Reader(watcher, log)
    log.add()
    await reader.until(lambda: len(reader.ids) == 1)
    assert not await watcher.wait_beyond(1, 0.01)
    await reader.close()
    await asyncio.sleep(0.05)
    assert watcher._task is not None
    assert watcher._task.done()
    log.add()
    again = Reader(watcher, log, after=1)
    await again.until(lambda: len(again.ids) == 1)
    log.add()
    await again.until(lambda: len(again.ids) == 2)
    assert again.ids == [2, 3]
    await again.close()


async def test_who_comes_at_its_last_look_is_not_forgotten(log: Log, watcher: LogWatcher) -> None:
    waits = 0

    class Last(Pace):
        async def wait(self) -> None:
            nonlocal waits, waiting
            waits += 1
            if waits == streams.IDLE_LOOKS:
                waiting = asyncio.create_task(watcher.wait_beyond(0, 2.0))
                await asyncio.sleep(0.01)
            await asyncio.sleep(0)

    waiting: asyncio.Task[bool] | None = None
    watcher._pace = Last()
    await watcher.wait_beyond(0, 0.0)
    await asyncio.sleep(0.05)
    assert waiting is not None
    log.add()
    assert await waiting
