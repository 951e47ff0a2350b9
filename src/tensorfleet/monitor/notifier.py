"""Tells people what happens, by the event log: each channel is a reader of its own, and nobody waits for any of them.

At least once, and once as a rule: a crash between sending and noting that repeats a message, which has the same key then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from tensorfleet.errors import InvalidInput, LostLead, TensorFleetError, Unavailable
from tensorfleet.jobs.model import Event
from tensorfleet.kit.clock import Clock
from tensorfleet.monitor.messages import Notice, notice_of
from tensorfleet.settings_monitoring import ChannelSettings

LOOK_S = 1.0
BUSY_S = 0.05
"""Where there was something to tell, there is soon more."""
LEASE_S = 15.0
MOST_IN_ONE = 20
CURSOR_LAG = 1000
TOO_OLD = timedelta(hours=24)
"""What could not be told for so long is no news any more."""
NEW_CHANNEL = timedelta(minutes=10)
"""A channel that was never used begins with what happened so lately."""
_FIRST_S, _MOST_S = 1.0, 300.0

log = structlog.get_logger(__name__)
Send = Callable[[ChannelSettings, Sequence[Notice]], None]


class EventLog(Protocol):
    def read_after(
        self, position: int, limit: int = 500, job_id: str | None = None, kinds: Sequence[str] | None = None
    ) -> list[Event]: ...
    def last_id(self) -> int: ...
    def cursor(self, name: str) -> int: ...
    def save_cursor(self, name: str, position: int) -> None: ...


class Lead(Protocol):
    """Where several monitors run, one tells."""

    term: int | None

    def acquire(self) -> bool: ...
    def renew(self) -> None: ...


class Reader:
    """One channel: what it has been told, and when it is tried again."""

    def __init__(
        self,
        channel: ChannelSettings,
        event_log: EventLog,
        job_name: Callable[[str], str | None],
        send: Send,
        clock: Clock,
    ) -> None:
        self._channel = channel
        self._log = event_log
        self._job_name = job_name
        self._send = send
        self._clock = clock
        self._cursor = f"notify:{channel.name}"
        self._read = 0
        self._failures = 0
        self._not_before: datetime | None = None

    def once(self) -> int:
        """Tells what has happened since; returns how much was told."""
        now = self._clock()
        if self._not_before is not None and now < self._not_before:
            return 0
        position = self._log.cursor(self._cursor)
        # Read before the events: what is appended in between is then still ahead.
        tail = self._log.last_id()
        events = self._log.read_after(max(position, self._read), MOST_IN_ONE, kinds=self._channel.on)
        if not events:
            self._pass_over(tail, position)
            return 0
        oldest = now - (TOO_OLD if position else NEW_CHANNEL)
        notices = [self._notice(event) for event in events if event.at >= oldest]
        if notices and not self._told(notices, now):
            return 0
        self._log.save_cursor(self._cursor, events[-1].id)
        return len(notices)

    def _pass_over(self, tail: int, position: int) -> None:
        """Entries that are nothing to this channel are not looked through again."""
        self._read = tail
        if tail - position >= CURSOR_LAG:
            self._log.save_cursor(self._cursor, tail)

    def _notice(self, event: Event) -> Notice:
        return notice_of(event, self._job_name(event.job_id) if event.job_id else None)

    def _told(self, notices: Sequence[Notice], now: datetime) -> bool:
        """Whether that is done with: told, or refused for good."""
        try:
            self._send(self._channel, notices)
        except Unavailable as error:
            self._failures += 1
            wait_s = min(_MOST_S, _FIRST_S * 2 ** min(self._failures - 1, 10))
            self._not_before = now + timedelta(seconds=wait_s)
            log.warning("a notice waits", channel=self._channel.name, problem=error.detail, again_in_s=wait_s)
            return False
        except InvalidInput as error:
            log.error(
                "a notice is refused", channel=self._channel.name, problem=error.detail, lost=len(notices)
            )
        self._failures, self._not_before = 0, None
        return True


class Turn(Protocol):
    """One who tells; several take turns."""

    def once(self) -> int:
        """Does what there is to do now; returns how much that was."""
        ...


class Notifier:
    """All who tell, in turn, in a thread of their own."""

    def __init__(
        self, readers: Sequence[Turn], lead: Lead, needed: Callable[[], bool] = lambda: True
    ) -> None:
        """`needed`: whether there is anybody to be told; the lead is not asked for while there is not."""
        self._readers = readers
        self._lead = lead
        self._needed = needed
        self._stop = threading.Event()

    def once(self) -> int:
        if not self._needed():
            return 0
        try:
            if self._lead.term is None:
                if not self._lead.acquire():
                    return 0
            else:
                self._lead.renew()
        except LostLead:
            self._lead.term = None
            return 0
        return sum(reader.once() for reader in self._readers)

    def run(self) -> None:
        pause_s = LOOK_S
        while not self._stop.wait(pause_s):
            try:
                pause_s = BUSY_S if self.once() else LOOK_S
            except TensorFleetError as error:  # the database is away
                pause_s = min(30.0, pause_s * 2)
                log.warning("notices wait", problem=error.detail)
            except Exception:
                pause_s = 30.0
                log.exception("notices wait")

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.run, name="notifier", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(5.0)  # a mail server that says nothing holds it up no longer
