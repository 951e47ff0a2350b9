"""The one writer of lifecycle state: many small pieces of work, committed in groups.

Work comes in as functions of a transaction.  Whatever waits is run together in one transaction (one fsync for all of it), then
placement runs, then it is committed; only after that are the callers answered and the agents told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from tensorfleet.errors import LostLead, StorageFull, TensorFleetError, Unavailable
from tensorfleet.fleet.leadership import SqlLeadership
from tensorfleet.jobs.memory import JobMemory
from tensorfleet.jobs.model import NewEvent
from tensorfleet.jobs.ports import Command
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.jobs.transaction import SqlJobTransaction
from tensorfleet.kit.clock import Clock
from tensorfleet.orchestrator.board import Board
from tensorfleet.orchestrator.placing import place_waiting

Work = Callable[[SqlJobTransaction, datetime], Any]
Watcher = Callable[[Sequence[NewEvent], Mapping[str, datetime]], None]
"""Gets the events, and when the jobs that they are about were submitted."""
GROUP_LIMIT = 256
PATIENCE_S = 0.02
"""How long a piece of a log waits for others to be written together with it."""
log = structlog.get_logger()


@dataclass
class _Item:
    work: Work
    answer: asyncio.Future[Any]
    patient: bool


@dataclass
class _Done:
    results: list[tuple[bool, Any]]
    starts: list[tuple[Command, dict[str, Any]]]
    others: list[Command]
    changed: bool = False
    events: list[NewEvent] = field(default_factory=list)
    """What was decided, as it stands in the log."""
    submitted: dict[str, datetime] = field(default_factory=dict)
    """When the jobs came that these events are about."""


class Engine:
    """Runs work in the order in which it was submitted.

    `deliver` is called, in the event loop, with each committed command; `changed` after each group that changed a job's state.
    """

    def __init__(
        self,
        store: SqlJobStore,
        lead: SqlLeadership,
        board: Board,
        clock: Clock,
        deliver: Callable[[Command, dict[str, Any]], None],
        changed: Callable[[], None],
    ) -> None:
        self.board = board
        self.watchers: list[Watcher] = []
        """Told of what each group has decided, once that is committed."""
        self._changed = changed
        self._store = store
        self._memory = JobMemory()
        self._lead = lead
        self._clock = clock
        self._deliver = deliver
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")

    def submit(self, work: Work, patient: bool = False) -> asyncio.Future[Any]:
        """Queues work; the future ends when it is durable, with its result or its error.

        Work that is patient (a piece of a log: nobody waits for it) is kept for a moment, so that more of it is written together.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Item(work, answer, patient))
        return answer

    async def call(self, function: Callable[[], Any]) -> Any:
        """Runs something that brings its own transaction, between the groups."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def run(self) -> None:
        """Works until it is cancelled.  While the database is away, work waits; nothing is dropped.

        Raises:
            LostLead: another orchestrator has taken over; nothing of what waited was written.
        """
        while True:
            group = await self._next_group()
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
                for watch in self.watchers:
                    watch(done.events, done.submitted)

    async def _next_group(self) -> list[_Item]:
        """What is there, and what comes in a moment; nothing when it is time to ask the scheduler before anything comes."""
        group: list[_Item] = []
        wait_s = self.board.due_in_s()
        try:
            async with asyncio.timeout(wait_s) as limit:
                while len(group) < GROUP_LIMIT:
                    if group and self._queue.empty() and not all(item.patient for item in group):
                        break
                    group.append(await self._queue.get())
                    if len(group) == 1:
                        limit.reschedule(asyncio.get_running_loop().time() + PATIENCE_S)
        except TimeoutError:
            pass
        return group

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
        except (Unavailable, StorageFull, LostLead):
            raise
        except Exception:
            log.debug("a group failed; its parts are committed one by one", size=len(group))
        parts = [self._commit_one(item) for item in group]
        return _Done(
            [result for part in parts for result in part.results],
            [start for part in parts for start in part.starts],
            [other for part in parts for other in part.others],
            any(part.changed for part in parts),
            [event for part in parts for event in part.events],
            {job_id: at for part in parts for job_id, at in part.submitted.items()},
        )

    def _commit_one(self, item: _Item) -> _Done:
        """Alone, so that what is wrong with one piece of work stays its own trouble."""
        try:
            return self._commit_together([item])
        except (Unavailable, StorageFull, LostLead):
            raise
        except TensorFleetError as error:
            return _Done([(False, error)], [], [])
        except Exception as error:
            log.exception("a piece of work failed")
            return _Done([(False, error)], [], [])

    def _commit_together(self, group: list[_Item]) -> _Done:
        try:
            return self._in_one_transaction(group)
        except BaseException:
            self.board.forget()
            self._memory.forget()
            raise

    def _in_one_transaction(self, group: list[_Item]) -> _Done:
        with self._store.orchestrate(self._memory) as tx:
            self._lead.check(tx.connection)
            self.board.refresh(tx, self._clock())
            now = (
                self._clock()
            )  # after the last submission that was read: nothing starts before it was submitted
            results = [(True, item.work(tx, now)) for item in group]
            self.board.follow(tx.touched, now)
            self.board.follow_progress(tx.progress, now)
            place_waiting(tx, self.board, now)
            started = [command for command in tx.commands if command.kind == "start"]
            payloads = {job_id: tx.payload(job_id) for job_id in {order.data["job_id"] for order in started}}
            starts = [(order, payloads[order.data["job_id"]]) for order in started]
            others = [command for command in tx.commands if command.kind != "start"]
            changed = bool(tx.touched)
            submitted = {job_id: queued.created_at for job_id, (queued, _) in tx.touched.items()}
        return _Done(results, starts, others, changed, tx.recorded, submitted)
