"""The one writer of lifecycle state: many small pieces of work, committed in groups.

Work comes in as functions of a transaction.  Whatever waits is run together in one transaction (one fsync for all of it), then
placement runs, then it is committed; only after that are the callers answered and the agents told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from tensorfleet.errors import StorageFull, TensorFleetError, Unavailable
from tensorfleet.fleet.model import Worker
from tensorfleet.jobs.ports import Command
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.jobs.transaction import SqlJobTransaction
from tensorfleet.kit.clock import Clock
from tensorfleet.orchestrator import handlers

Work = Callable[[SqlJobTransaction, datetime], Any]
GROUP_LIMIT = 256
log = structlog.get_logger()


@dataclass
class _Item:
    work: Work
    answer: asyncio.Future[Any]


@dataclass
class _Done:
    results: list[tuple[bool, Any]]
    starts: list[tuple[Command, dict[str, Any]]]
    others: list[Command]
    changed: bool = False


class Engine:
    """Runs work in the order in which it was submitted.

    `deliver` is called, in the event loop, with each committed command; `changed` after each group that changed a job's state.
    """

    def __init__(
        self,
        store: SqlJobStore,
        clock: Clock,
        deliver: Callable[[Command, dict[str, Any]], None],
        changed: Callable[[], None],
    ) -> None:
        self.workers: dict[str, Worker] = {}
        self._changed = changed
        self._store = store
        self._clock = clock
        self._deliver = deliver
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")

    def submit(self, work: Work) -> asyncio.Future[Any]:
        """Queues work; the future ends when it is durable, with its result or its error."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Item(work, answer))
        return answer

    async def call(self, function: Callable[[], Any]) -> Any:
        """Runs something that brings its own transaction, between the groups."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def run(self) -> None:
        """Works until it is cancelled.  While the database is away, work waits; nothing is dropped."""
        while True:
            group = [await self._queue.get()]
            while len(group) < GROUP_LIMIT and not self._queue.empty():
                group.append(self._queue.get_nowait())
            done = await self._committed(group)
            for item, (good, result) in zip(group, done.results, strict=True):
                if not item.answer.cancelled():
                    (item.answer.set_result if good else item.answer.set_exception)(result)
            for command, payload in done.starts:
                self._deliver(command, payload)
            for command in done.others:
                self._deliver(command, {})
            if done.changed:
                self._changed()

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _committed(self, group: list[_Item]) -> _Done:
        delay_s = 0.1
        while True:
            try:
                done: _Done = await self.call(lambda: self._commit(group))
                return done
            except (Unavailable, StorageFull) as error:
                log.warning("the metadata store is away; work waits", detail=error.detail, waiting=len(group))
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, 3.0)

    def _commit(self, group: list[_Item]) -> _Done:
        try:
            return self._commit_together(group)
        except (Unavailable, StorageFull):
            raise
        except Exception:
            log.debug("a group failed; its parts are committed one by one", size=len(group))
        parts = [self._commit_one(item) for item in group]
        return _Done(
            [result for part in parts for result in part.results],
            [start for part in parts for start in part.starts],
            [other for part in parts for other in part.others],
            any(part.changed for part in parts),
        )

    def _commit_one(self, item: _Item) -> _Done:
        """Alone, so that what is wrong with one piece of work stays its own trouble."""
        try:
            return self._commit_together([item])
        except (Unavailable, StorageFull):
            raise
        except TensorFleetError as error:
            return _Done([(False, error)], [], [])
        except Exception as error:
            log.exception("a piece of work failed")
            return _Done([(False, error)], [], [])

    def _commit_together(self, group: list[_Item]) -> _Done:
        now = self._clock()
        with self._store.orchestrate() as tx:
            results = [(True, item.work(tx, now)) for item in group]
            handlers.place_waiting(tx, self.workers.values(), now)
            starts = [
                (command, tx.payload(command.data["job_id"]))
                for command in tx.commands
                if command.kind == "start"
            ]
            others = [command for command in tx.commands if command.kind != "start"]
            changed = tx.saved
        return _Done(results, starts, others, changed)
