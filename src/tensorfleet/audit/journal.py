"""Takes entries down at once, and puts them into the chain in the background."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from tensorfleet.audit.model import Draft, Entry, Keys, cleaned
from tensorfleet.audit.ports import AuditStore
from tensorfleet.audit.spool import Segment, Spool
from tensorfleet.errors import TensorFleetError, Unavailable

LINGER_S = 0.1
"""Entries that come within it share a transaction."""
TICK_S = 1.0
BATCH = 500
MOST_WAITING = 20_000
log = structlog.get_logger()


@dataclass(frozen=True)
class Taken:
    """A draft that was taken down.  `segment`: where; None if the disk did not take it, and only memory has it."""

    draft: Draft
    segment: Segment | None


class Journal:
    """The way into the chain for one process.  Thread-safe.

    What `begin` was told has an entry from then on: the chain gets it when it has ended, or when the process has.
    """

    def __init__(
        self, store: AuditStore, spool: Spool, keys: Keys, upkeep: Callable[[Entry | None], None]
    ) -> None:
        """`upkeep(last)` is called about once a second from the thread that appends, with the last entry that it knows."""
        self._store = store
        self._spool = spool
        self._keys = keys
        self._upkeep = upkeep
        self._waiting: deque[Taken] = deque()
        self._changed = threading.Condition()
        self._given = self._appended = 0
        self._hurry = self._closing = False
        self._last: Entry | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Appends what there is; what the store does not take now stays in the spool, for the next process."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._spool.close()

    # ---- what happened -----------------------------------------------------------------------------------------------

    @property
    def last(self) -> Entry | None:
        """The last entry that this process knows of."""
        return self._last

    def begin(self, draft: Draft) -> Taken:
        """Takes down what is about to happen.

        Raises:
            Unavailable: so much waits for the store that nothing more may happen unrecorded.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise Unavailable(
                "the audit log cannot be written, and without it nothing may be changed; see `tensorfleet doctor`"
            )
        draft = cleaned(draft)
        try:
            return Taken(draft, self._spool.begin(draft))
        except OSError as error:
            log.error("the audit log's spool cannot be written: entries wait in memory", error=str(error))
            return Taken(draft, None)

    def sync(self, taken: Taken) -> None:
        """Returns when a power cut cannot lose it any more."""
        if taken.segment is not None:
            self._spool.sync(taken.segment)

    def end(self, taken: Taken, draft: Draft) -> None:
        """Takes down what has become of it."""
        draft = cleaned(draft)
        if taken.segment is not None and draft != taken.draft:
            try:
                self._spool.rewrite(taken.segment, draft)
            except OSError as error:
                log.error("the audit log's spool cannot be written: entries wait in memory", error=str(error))
        with self._changed:
            self._waiting.append(replace(taken, draft=draft))
            self._given += 1
            self._changed.notify_all()

    def drop(self, taken: Taken) -> None:
        """It came to nothing that is to be told."""
        if taken.segment is not None:
            self._spool.drop(taken.segment, taken.draft)

    def add(self, draft: Draft) -> None:
        """Takes down what happens in one go."""
        try:
            self.end(self.begin(draft), draft)
        except Unavailable:
            log.error("an entry of the audit log was lost: too many wait for the store", action=draft.action)

    def settle(self, timeout_s: float) -> bool:
        """Waits until all that was taken down before is in the chain; False if it is not within `timeout_s`."""
        with self._changed:
            wanted = self._given
            self._hurry = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._appended >= wanted, timeout_s)

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._take_over()
        next_tick = time.monotonic() + TICK_S
        failed = False
        while True:
            self._rest(next_tick, failed=failed)
            closing = self._closing
            failed = not self._append_all()
            if closing:
                return
            if time.monotonic() >= next_tick:
                self._tick()
                next_tick = time.monotonic() + TICK_S
                failed = False

    def _rest(self, next_tick: float, *, failed: bool) -> None:
        """Until there is something to do; after a failure, until it may be tried again."""
        with self._changed:
            ready = (lambda: self._closing) if failed else (lambda: self._closing or bool(self._waiting))
            self._changed.wait_for(ready, max(0.0, next_tick - time.monotonic()))
            if self._waiting and not failed:
                self._changed.wait_for(lambda: self._closing or self._hurry, LINGER_S)
            self._hurry = False

    def _append_all(self) -> bool:
        while self._waiting:
            batch = [self._waiting[number] for number in range(min(BATCH, len(self._waiting)))]
            if not self._append([taken.draft for taken in batch]):
                return False
            for taken in batch:
                self._waiting.popleft()
                if taken.segment is not None:
                    self._spool.done(taken.segment)
            with self._changed:
                self._appended += len(batch)
                self._changed.notify_all()
        return True

    def _append(self, drafts: list[Draft]) -> bool:
        try:
            self._last = self._store.append(drafts, self._keys)
        except TensorFleetError as error:
            log.warning("the audit log cannot be written now; entries wait", error=str(error))
            return False
        except Exception:  # a thread that ends of a defect would leave everything unrecorded
            log.exception("the audit log cannot be written; entries wait")
            return False
        return True

    def _tick(self) -> None:
        self._spool.tidy()
        self._take_over()
        try:
            self._upkeep(self._last)
        except TensorFleetError as error:
            log.warning("the audit log's upkeep waits", error=str(error))
        except Exception:
            log.exception("the audit log's upkeep failed")

    def _take_over(self) -> None:
        """Appends what processes that died have left."""
        for drafts in self._spool.leftovers():
            if drafts and not self._append(drafts):
                return
