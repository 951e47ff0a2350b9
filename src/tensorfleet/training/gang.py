"""What the ranks of a job tell each other besides gradients, over the store at which they met.

No collective is used: a rank that does not take part holds nobody up.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tensorfleet.training import checkpoints

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

STOP = "stop"
SAVE = "save"
_POLL_S = 0.25
_LOOK_S = 0.002


class Agreement:
    """Lets all ranks act after the same step, at no cost in all the others.

    The ranks have to be in step: none finishes step n + 1 before all have finished step n, as it is where gradients are
    averaged.  A round goes like this.  A rank that wants something leaves word; the others look for it a few times a
    second.  Each rank that knows adds itself to a count, and looks at the store after each step from then on.  When the count
    is full, rank 0 names the next step, before it begins that step; so the others see it when they have finished it.
    """

    def __init__(self, store: Store | None, rank: int, world_size: int) -> None:
        self._store = store
        self._rank = rank
        self._world_size = world_size
        self._round = 0
        self._joined = False
        self._at: int | None = None
        self._looked_at = 0.0

    def after(self, step: int, wish: str | None) -> str | None:
        """What all ranks do now, after `step`: `stop`, `save`, or None for going on.

        Args:
            wish: what this rank wants; asked again after each step until it comes true.
        """
        if self._store is None:
            return wish
        if wish is not None and not self._joined:
            self._store.set(self._key(wish), "1")
        if not self._joined and (wish is not None or self._others_wish()):
            self._joined = True
            self._store.add(self._key("ready"), 1)
        return self._next(step) if self._joined else None

    def _others_wish(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at < _POLL_S:
            return False
        self._looked_at = now
        return self._wished(STOP) or self._wished(SAVE)

    def _next(self, step: int) -> str | None:
        assert self._store is not None
        key = self._key("at")
        if self._rank == 0 and self._at is None:
            if self._store.add(self._key("ready"), 0) == self._world_size:
                self._at = step + 1
                what = STOP if self._wished(STOP) else SAVE
                self._store.set(key, f"{self._at} {what}")
            return None
        if not self._store.check([key]):
            return None
        at, what = self._store.get(key).decode().split()
        if step < int(at):
            return None
        self._round, self._joined, self._at = self._round + 1, False, None
        return what

    def _wished(self, what: str) -> bool:
        return self._store is not None and bool(self._store.check([self._key(what)]))

    def _key(self, what: str) -> str:
        return f"tensorfleet/agreement/{self._round}/{what}"


class Exchange:
    """Each rank's part of a checkpoint, brought to rank 0."""

    def __init__(self, store: Store | None, world_size: int) -> None:
        self._store = store
        self._world_size = world_size
        self._gone = False

    def give(self, step: int, rank: int, value: Any) -> None:
        """Leaves the value of another rank than 0 for rank 0 to take."""
        if self._store is not None:
            self._store.set(self._key(step, rank), checkpoints.encode(value))  # type: ignore[arg-type]  # bytes are taken too

    def take(self, step: int, limit_s: float) -> list[Any] | None:
        """The values of ranks 1 and up, or None when they do not come: not all ranks save.

        It is asked of them once only: where the first ones do not come the later ones will not either.
        """
        if self._store is None or self._gone:
            return None
        keys = [self._key(step, rank) for rank in range(1, self._world_size)]
        deadline = time.monotonic() + limit_s
        while not self._store.check(keys):
            if time.monotonic() > deadline:
                self._gone = True
                return None
            time.sleep(_LOOK_S)
        found = [checkpoints.decode(bytes(self._store.get(key))) for key in keys]
        for key in keys:
            self._store.delete_key(key)
        return found

    @staticmethod
    def _key(step: int, rank: int) -> str:
        return f"tensorfleet/part/{step}/{rank}"
