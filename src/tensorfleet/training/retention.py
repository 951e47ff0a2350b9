"""Which checkpoints of a job are kept; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Stored:
    """One checkpoint as it lies in the object store; `value` is the watched metric's, None when there was none."""

    key: str
    attempt: int
    step: int
    bytes: int
    value: float | None = None

    @property
    def age_order(self) -> tuple[int, int]:
        """Grows with time: a later attempt's checkpoint is newer, whatever its step."""
        return self.attempt, self.step


@dataclass(frozen=True)
class Limits:
    """How much is kept; `lower_is_better` says which values are the best."""

    keep_last: int = 2
    keep_best: int = 1
    lower_is_better: bool = True
    max_bytes: int | None = None


def to_remove(stored: Iterable[Stored], limits: Limits, in_use: Collection[str] = ()) -> tuple[Stored, ...]:
    """The checkpoints to remove, the oldest first; never the newest one, and none whose key is `in_use`.

    Over the quota, the oldest go first; the best ones only when nothing else is left, the worst of them first.
    """
    newest_first = sorted(stored, key=lambda one: one.age_order, reverse=True)
    best = _best(newest_first, limits)
    fixed = {one.key for one in newest_first[:1]} | set(in_use)
    kept = {one.key for one in newest_first[: max(1, limits.keep_last)]} | {one.key for one in best} | fixed
    left = [one for one in newest_first if one.key in kept]
    if limits.max_bytes is not None:
        left = _within(left, best, fixed, limits.max_bytes)
    remaining = {one.key for one in left}
    return tuple(one for one in reversed(newest_first) if one.key not in remaining)


def _best(newest_first: list[Stored], limits: Limits) -> list[Stored]:
    """The best ones, best first; of equal ones the newer."""
    sign = 1 if limits.lower_is_better else -1
    valued = [(sign * one.value, one) for one in newest_first if one.value is not None]
    return [one for _, one in sorted(valued, key=lambda pair: pair[0])[: limits.keep_best]]


def _within(left: list[Stored], best: list[Stored], fixed: set[str], max_bytes: int) -> list[Stored]:
    ordinary = [one for one in reversed(left) if one not in best]
    over = sum(one.bytes for one in left) - max_bytes
    gone: set[str] = set()
    for one in [*ordinary, *reversed(best)]:
        if over > 0 and one.key not in fixed:
            gone.add(one.key)
            over -= one.bytes
    return [one for one in left if one.key not in gone]
