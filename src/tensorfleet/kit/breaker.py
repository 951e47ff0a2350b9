"""A circuit breaker: what has failed several times in a row is left alone for a while, and those who ask are told at once.

    closed ──(`failures` in a row)──▶ open ──(the delay is over)──▶ half open ──(one try worked)──▶ closed
                                       ▲                                │
                                       └──(it failed: a longer delay)───┘

While it is half open one caller tries and the others are still refused.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tensorfleet.kit.clock import Clock


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class Reading:
    """A breaker at one instant.

    Attributes:
        since: when the trouble began (the first failure of the row), or when it was last well again.
        next_try_at: when the next caller is let through; None while it is closed.
    """

    state: BreakerState
    since: datetime
    last_error: str | None
    next_try_at: datetime | None

    @property
    def closed(self) -> bool:
        return self.state is BreakerState.CLOSED


class BreakerOpen(Exception):
    """The call was not made."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(f"not tried: {reading.last_error}")
        self.reading = reading


class Breaker:
    """Counts the failures of one thing.  Thread-safe; never holds its lock while the thing is used.

    Args:
        counts: whether an error means that the thing is away; any other error is an answer.
        failures: so many of them in a row open it.
        first_s, most_s: how long it is first left alone; each failed try doubles that, up to the most.
        clock: best one that nobody sets back, see `steady_clock`.
        chance: a number from 0 to 1; each delay is shortened by up to half of it, so that many do not try in step.
    """

    def __init__(
        self,
        counts: Callable[[BaseException], bool],
        clock: Clock,
        *,
        failures: int = 3,
        first_s: float = 1.0,
        most_s: float = 30.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._counts = counts
        self._clock = clock
        self._failures = failures
        self._first_s = first_s
        self._most_s = most_s
        self._chance = chance
        self._lock = threading.Lock()
        self._row = 0
        self._delay_s = first_s
        self._trying = False
        self._since = clock()
        self._last_error: str | None = None
        self._next_try_at: datetime | None = None

    @property
    def reading(self) -> Reading:
        with self._lock:
            return self._read()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around one use of the thing; also around an `await`.

        Raises:
            BreakerOpen: it is left alone now; the body was not run.
        """
        self.enter()
        with self.watch():
            yield

    @contextmanager
    def watch(self) -> Iterator[None]:
        """After `enter`, around the use: reports how it went."""
        try:
            yield
        except BaseException as error:
            if self._counts(error):
                self.failed(error)
            elif isinstance(error, Exception):
                self.worked()
            # A cancelled call says nothing either way: if it was a try, the next one comes when its time is over.
            raise
        self.worked()

    def enter(self) -> None:
        """Asks to use the thing; `watch`, `worked` or `failed` is to follow.

        Raises:
            BreakerOpen: it is left alone now.
        """
        with self._lock:
            if self._next_try_at is None:
                return
            now = self._clock()
            if now < self._next_try_at:
                raise BreakerOpen(self._read())
            # A try that never comes back must not shut everybody out: after the same time another one is made.
            self._trying = True
            self._next_try_at = now + timedelta(seconds=self._delay_s)

    def worked(self) -> None:
        with self._lock:
            if self._row:
                self._since = self._clock()
            self._row, self._trying, self._next_try_at, self._delay_s = 0, False, None, self._first_s

    def failed(self, error: BaseException | str) -> None:
        with self._lock:
            now = self._clock()
            if not self._row:
                self._since = now
            self._row += 1
            self._last_error = str(error) or type(error).__name__
            if self._trying:
                self._delay_s = min(self._most_s, self._delay_s * 2)
            elif self._row < self._failures or self._next_try_at is not None:
                return  # not enough yet; or open already, and this was a call from before that
            self._trying = False
            self._next_try_at = now + timedelta(seconds=self._delay_s * (1 - self._chance() / 2))

    def _read(self) -> Reading:
        if self._next_try_at is None:
            state = BreakerState.CLOSED
        else:
            state = BreakerState.HALF_OPEN if self._trying else BreakerState.OPEN
        return Reading(state, self._since, self._last_error, self._next_try_at)
