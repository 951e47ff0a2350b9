"""Server-Sent Events over the event log.

Ids are log positions, so a reader that comes back misses nothing and gets nothing twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from tensorfleet.errors import TensorFleetError
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import Event, JobRecord, JobStatus
from tensorfleet.jobs.schemas import event_to_dict, job_to_dict

KEEP_ALIVE_S = 15.0
PAGE = 500
_ENDS = tuple(f"job.{status.value}" for status in JobStatus if status.ended)


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


class LogWatcher:
    """Tells waiting streams that the log has grown.  It looks at the newest id, and only while somebody listens.

    Args:
        in_thread: for a database across a network: while it does not answer, everything else goes on.
    """

    def __init__(self, log: SqlEventLog, pace: Pace, *, in_thread: bool) -> None:
        self._log = log
        self._pace = pace
        self._in_thread = in_thread
        self._grown = asyncio.Condition()
        self._last = 0
        self._listeners = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def newest(self) -> int:
        """The log's newest id when it was last looked at."""
        return self._last

    async def wait_beyond(self, position: int, timeout_s: float) -> bool:
        """Returns when the log has entries after `position` (True) or the time is over (False)."""
        self._listeners += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(timeout_s), self._grown:
                await self._grown.wait_for(lambda: self._last > position)
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

    async def _look(self) -> None:
        while self._listeners:
            newest = await self._newest()
            if newest != self._last:
                self._last = newest
                async with self._grown:
                    self._grown.notify_all()
            await self._pace.wait()

    async def _newest(self) -> int:
        try:
            if self._in_thread:
                return await asyncio.to_thread(self._log.last_id)
            return self._log.last_id()  # some 50 µs; a thread would cost more
        except TensorFleetError:
            return self._last  # the database is away: the streams' own reads say so


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
) -> AsyncIterator[bytes]:
    """Entries after `after` (negative: from now on), live; those alone that `keep` lets through, if it is given.

    With `get_job`, the stream ends once that job has ended and all of its log is sent.
    """
    newest = await asyncio.to_thread(log.last_id)
    position = after if after >= 0 else newest
    may_be_over = True
    yield b": connected\n\n"
    while True:
        job = get_job() if get_job and may_be_over else None
        may_be_over = False
        async for event in _pages(log, position, job_id):
            position = event.id
            may_be_over = may_be_over or event.kind in _ENDS
            if keep is None or await asyncio.to_thread(keep, event):
                yield _message(event.id, event.kind, event_to_dict(event))
        if job is not None and job.status.ended:
            # Read after the state was seen: all that was committed with the end or before it has been sent.
            yield _message(None, "end", job_to_dict(job))
            return
        position = max(position, newest)
        if may_be_over and get_job:
            continue  # the end may be the log's last entry: there would be nothing to wait for
        if not await watcher.wait_beyond(position, KEEP_ALIVE_S):
            may_be_over = True
            yield b": keep-alive\n\n"
        newest = watcher.newest


async def _pages(log: SqlEventLog, position: int, job_id: str | None) -> AsyncIterator[Event]:
    while True:
        page = await asyncio.to_thread(log.read_after, position, PAGE, job_id)
        for event in page:
            yield event
        if len(page) < PAGE:
            return
        position = page[-1].id
