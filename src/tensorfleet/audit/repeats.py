"""Calls that repeat themselves: told once, and then counted, so that nobody can fill the log with them.  Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from tensorfleet.audit.model import Draft

WINDOW_US = 60_000_000
MOST_KINDS = 256
"""So many kinds are told apart at a time; what comes beyond is counted without saying of whom."""
MANY = "access.denied_to_many"
_OTHERS = "others"


class Repeats:
    """The first call of a kind is told at once; those within a minute of it, when that is over, as one entry."""

    def __init__(self, window_us: int = WINDOW_US, most: int = MOST_KINDS) -> None:
        self._window_us = window_us
        self._most = most
        self._until: dict[Hashable, int] = {}
        self._counted: dict[Hashable, Draft] = {}

    def is_first(self, kind: Hashable, draft: Draft, counted: Draft | None = None) -> bool:
        """Whether the draft is to be recorded now; if not, it is counted.

        Args:
            counted: how it is told of with others of its kind.  Without it the draft is told by itself when there are too many
                kinds; with it, it is then one of the others.
        """
        if kind not in self._until:
            if len(self._until) < self._most or counted is None:
                self._until[kind] = draft.at + self._window_us
                return True
            kind, counted = _OTHERS, Draft(draft.id, draft.at, MANY, outcome=draft.outcome)
            self._until.setdefault(kind, draft.at + self._window_us)
        known = self._counted.get(kind)
        self._counted[kind] = (counted or draft) if known is None else replace(known, count=known.count + 1)
        return False

    def due(self, now: int | None) -> list[Draft]:
        """What was counted and is to be told by now; all of it for None."""
        over = [kind for kind, until in self._until.items() if now is None or until <= now]
        for kind in over:
            del self._until[kind]
        return [self._counted.pop(kind) for kind in over if kind in self._counted]
