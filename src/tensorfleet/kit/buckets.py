"""Token buckets: so many at once, refilled steadily.

A bucket is kept as one number, the instant at which it will be full again.  One that nothing was taken from needs no number
at all, and one whose instant has passed may be forgotten.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Policy:
    """`quota` tokens at most, as many of them come back in `window_s`; `name` stands in headers."""

    name: str
    quota: int
    window_s: float

    @property
    def token_s(self) -> float:
        """How long one token takes to come back."""
        return self.window_s / self.quota


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of taking one token.

    Attributes:
        remaining: tokens that are left now.
        full_in_s: until all are back.
        wait_s: until the next one is there; 0 if it was given.
    """

    allowed: bool
    remaining: int
    full_in_s: float
    wait_s: float


def take(behind_s: float, policy: Policy) -> tuple[Taken, float]:
    """Takes a token from a bucket that will be full in `behind_s` seconds; the second is what that is afterwards."""
    after_s = behind_s + policy.token_s
    # Sums of many small durations are off by a little; nobody is refused for that.
    allowed = after_s <= policy.window_s * (1 + 1e-9)
    left_s = after_s if allowed else behind_s
    return taken(allowed, left_s, policy), left_s


def taken(allowed: bool, behind_s: float, policy: Policy) -> Taken:
    """What is said of a bucket that will be full in `behind_s`, after a token was taken from it or refused."""
    if allowed:
        remaining = max(0, int((policy.window_s - behind_s) / policy.token_s + 1e-6))
        return Taken(True, remaining, behind_s, 0.0)
    return Taken(False, 0, behind_s, max(0.0, behind_s + policy.token_s - policy.window_s))


class Buckets(Protocol):
    """Buckets by policy and key.  Safe to use from several threads; never raises."""

    def take(self, key: str, policy: Policy) -> Taken: ...

    def peek(self, key: str, policy: Policy) -> Taken:
        """What `take` would say; nothing is taken."""
        ...


class MemoryBuckets:
    """Buckets of this process.  Full ones are forgotten; of too many, those that were first taken from go."""

    def __init__(self, monotonic: Callable[[], float], most: int = 100_000) -> None:
        self._monotonic = monotonic
        self._most = most
        self._full_at: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, policy: Policy) -> Taken:
        now, bucket = self._monotonic(), (policy.name, key)
        with self._lock:
            said, behind_s = take(max(0.0, self._full_at.get(bucket, now) - now), policy)
            if said.allowed:
                if len(self._full_at) >= self._most and bucket not in self._full_at:
                    self._forget(now)
                self._full_at[bucket] = now + behind_s
        return said

    def peek(self, key: str, policy: Policy) -> Taken:
        now = self._monotonic()
        return take(max(0.0, self._full_at.get((policy.name, key), now) - now), policy)[0]

    def _forget(self, now: float) -> None:
        """Makes room for at least a tenth, so that this is not done again at once."""
        kept = [(key, at) for key, at in self._full_at.items() if at > now]
        self._full_at = dict(kept[max(0, len(kept) - self._most * 9 // 10) :])
