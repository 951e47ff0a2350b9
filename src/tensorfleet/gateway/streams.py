"""Server-Sent Events over the event log.

Ids are log positions, so a reader that comes back misses nothing and gets nothing twice.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any, NamedTuple, Protocol, TypeVar

from tensorfleet.errors import TensorFleetError
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import Event, JobRecord, JobStatus
from tensorfleet.jobs.schemas import event_to_dict, job_to_dict

KEEP_ALIVE_S = 15.0
PAGE = 500
MOST_TOLD = 5_000
MOST_TOLD_BYTES = 16 << 20
IDLE_LOOKS = 3
_Found = TypeVar("_Found")
_ENDS = tuple(f"job.{status.value}" for status in JobStatus if status.ended)
DETAIL = frozenset({"metrics", "log"})
"""Kinds that are most of what is told, and of use only to who looks at that job."""


class Pace(Protocol):
    """When to look at the log again."""

    async def wait(self) -> None:
        """Returns when it is time to look, within a second; never raises."""
        ...

    async def close(self) -> None: ...


class Polling:
    """Looks every `look_s`."""

    def __init__(self, look_s: float) -> None:
        self._look_s = look_s

    async def wait(self) -> None:
        await asyncio.sleep(self._look_s)

    async def close(self) -> None:
        return


class Told(NamedTuple):
    """An entry of the log, and what a stream says of it."""

    event: Event
    message: bytes


class LogWatcher:
    """Follows the log for all streams, while somebody listens: what is new is read and written as text once.

    Args:
        in_thread: for a database across a network: while it does not answer, everything else goes on.
    """

    def __init__(self, log: SqlEventLog, pace: Pace, *, in_thread: bool) -> None:
        self._log = log
        self._pace = pace
        self._in_thread = in_thread
        self._grown = asyncio.Event()
        self._last = 0
        self._tail: deque[Told] = deque()
        self._tail_bytes = 0
        self._before_tail = 0
        self._away = False
        self._listeners = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def newest(self) -> int:
        """The log's newest id when it was last looked at."""
        return self._last

    def recent(self, position: int, newest: int, job_id: str | None) -> list[Told] | None:
        """The entries after `position`, of a job or of all; None if some of those up to `newest` are not remembered."""
        if position < self._before_tail or newest > self._last or self._away:
            return None
        found = []
        for told in reversed(self._tail):  # mostly it is the last one or none
            if told.event.id <= position:
                break
            if job_id is None or told.event.job_id == job_id:
                found.append(told)
        return found[::-1]

    async def wait_beyond(self, position: int, timeout_s: float) -> bool:
        """Returns when the log has entries after `position` (True) or the time is over (False)."""
        self._listeners += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        try:
            async with asyncio.timeout(timeout_s):
                while self._last <= position:
                    await self._grown.wait()
            return True
        except TimeoutError:
            return False
        finally:
            self._listeners -= 1

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._pace.close()

    async def _follow(self) -> None:
        """Streams that have just got something are not waiting, but will be: only a rest without any of them ends it."""
        self._forget(await self._call(self._log.last_id, self._last))
        self._tell()
        idle = 0
        while self._listeners or idle < IDLE_LOOKS:
            idle = 0 if self._listeners else idle + 1
            newest = await self._call(self._log.last_id, self._last)
            if newest > self._last:
                await self._take_in(newest)
                self._tell()
            await self._pace.wait()

    async def _take_in(self, newest: int) -> None:
        """Remembers what came since the last look; of much, the next looks take the rest."""
        after, none = self._last, list[Event]()
        found = await self._call(lambda: self._log.read_after(after, PAGE), none)
        if not found:  # the log does not answer, or these entries are gone
            self._forget(newest)
            return
        for event in found:
            told = Told(event, _message(event.id, event.kind, event_to_dict(event)))
            self._tail.append(told)
            self._tail_bytes += len(told.message)
        self._last = found[-1].id
        while len(self._tail) > MOST_TOLD or self._tail_bytes > MOST_TOLD_BYTES:
            dropped = self._tail.popleft()
            self._tail_bytes -= len(dropped.message)
            self._before_tail = dropped.event.id

    def _tell(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def _forget(self, newest: int) -> None:
        self._tail.clear()
        self._tail_bytes = 0
        self._last = self._before_tail = newest

    async def _call(self, look: Callable[[], _Found], otherwise: _Found) -> _Found:
        try:
            found = (
                await asyncio.to_thread(look) if self._in_thread else look()
            )  # a thread costs more than it
        except TensorFleetError:
            self._away = True  # which the streams' own reads then say
            return otherwise
        self._away = False
        return found


def _message(event_id: int | None, kind: str, data: dict[str, Any]) -> bytes:
    head = f"id: {event_id}\n" if event_id is not None else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


async def stream_events(
    log: SqlEventLog,
    watcher: LogWatcher,
    after: int,
    job_id: str | None = None,
    get_job: Callable[[], JobRecord] | None = None,
    keep: Callable[[Event], bool] | None = None,
    detail: Collection[str] | None = None,
) -> AsyncIterator[bytes]:
    """Entries after `after` (negative: from now on), live; those alone that `keep` lets through, if it is given.

    With `get_job`, the stream ends once that job has ended and all of its log is sent.  Where entries are left
    out, a keep-alive brings the position along: who comes back does not go through them again.

    Args:
        keep: blocks.
        detail: jobs whose metrics and logs are told; None: of all.
    """
    clock = asyncio.get_running_loop().time
    leaves_out = keep is not None or detail is not None
    newest = await asyncio.to_thread(log.last_id)
    position = after if after >= 0 else newest
    may_be_over = True
    yield b": connected after %d\n\n" % position
    quiet_since = clock()
    while True:
        job = get_job() if get_job and may_be_over else None
        may_be_over = False
        if job is not None and job.status.ended:
            newest = await asyncio.to_thread(
                log.last_id
            )  # all that was committed with its end or before is sent
        async for page in _pages(log, watcher, position, newest, job_id):
            position = page[-1].event.id
            may_be_over = may_be_over or any(told.event.kind in _ENDS for told in page)
            kept = page if detail is None else [told for told in page if _wanted(told.event, detail)]
            kept = kept if keep is None else await asyncio.to_thread(_kept, kept, keep)
            if kept:
                yield b"".join(told.message for told in kept)
                quiet_since = clock()
        if job is not None and job.status.ended:
            yield _message(None, "end", job_to_dict(job))
            return
        position = max(position, newest)
        if may_be_over and get_job:
            continue  # the end may be the log's last entry: there would be nothing to wait for
        left_s = quiet_since + KEEP_ALIVE_S - clock()
        if left_s <= 0 or not await watcher.wait_beyond(position, left_s):
            may_be_over = True
            yield (
                f": keep-alive at {position}\nid: {position}\n\n".encode()
                if leaves_out
                else b": keep-alive\n\n"
            )
            quiet_since = clock()
        newest = watcher.newest


def _wanted(event: Event, detail: Collection[str]) -> bool:
    return event.kind not in DETAIL or event.job_id in detail


def _kept(page: list[Told], keep: Callable[[Event], bool]) -> list[Told]:
    return [told for told in page if keep(told.event)]


async def _pages(
    log: SqlEventLog, watcher: LogWatcher, position: int, newest: int, job_id: str | None
) -> AsyncIterator[list[Told]]:
    """What there is from `position` to `newest` at least: from memory if the watcher has it, else from the log."""
    while True:
        found = watcher.recent(position, newest, job_id)
        if found is not None:
            if found:
                yield found
            return
        page = await asyncio.to_thread(log.read_after, position, PAGE, job_id)
        if page:
            yield [Told(event, _message(event.id, event.kind, event_to_dict(event))) for event in page]
        if len(page) < PAGE:
            return
        position = page[-1].id
