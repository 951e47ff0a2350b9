"""Stores checkpoints beside the training: a copy is made in the step, the rest happens in a thread."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import TensorFleetError, Unavailable
from tensorfleet.training import checkpoints, retention, rng
from tensorfleet.training.gang import Exchange

if TYPE_CHECKING:
    from tensorfleet.objects.ports import ObjectStore
    from tensorfleet.training.context import TaskContext

PARTS_LIMIT_S = 10.0
_WORTH_TELLING_S = 1.0


@dataclass(frozen=True)
class _Snapshot:
    """A state of one step and what goes with it."""

    frozen: checkpoints.Frozen
    step: int
    value: float | None
    limits: retention.Limits
    part: Any
    reported: Mapping[str, float]
    told: Mapping[str, Any] = field(default_factory=dict)
    all_parts: bool = False


class Saver:
    """Saves the checkpoints of one task; one at a time, so a save waits for the one before.

    A checkpoint is recorded once it is stored durably, and only then are older ones removed.  What goes wrong is recorded and
    printed, and training goes on: the next save is the next try.

    Attributes:
        saved_step: the step of the newest checkpoint that is stored, of this attempt or the one it goes on from; else -1.
    """

    def __init__(
        self,
        context: TaskContext,
        objects: Callable[[], ObjectStore],
        record: Callable[[dict[str, Any]], None],
    ) -> None:
        self._context = context
        self._objects = objects
        self._record = record
        self._thread: threading.Thread | None = None
        self._values: dict[str, float | None] = {}
        self._told_slow = False
        self._in_use: frozenset[str] = frozenset()
        self.exchange = Exchange(None, context.world_size)
        self.saved_step = -1

    def save(
        self,
        state: Any,
        step: int,
        reported: Mapping[str, float] | None = None,
        *,
        mine: Any = None,
        all_parts: bool = False,
        fresh: bool = True,
        with_rng: bool = True,
        **told: Any,
    ) -> str | None:
        """Takes a copy of the state and stores it in the background; returns its key, None on other ranks than 0.

        Args:
            reported: the metrics as last reported; with `fresh` false they do not belong to this state.
            mine: what this rank alone needs in order to go on; kept with the state of its random numbers.
            all_parts: without those of all ranks the checkpoint is of no use.
            told: more fields for the record.

        Raises:
            InvalidInput: the state holds what a checkpoint cannot hold.
        """
        part = {"rng": rng.capture() if with_rng else None, "mine": mine}
        if self._context.rank != 0:
            self.exchange.give(step, self._context.rank, part)
            return None
        frozen = checkpoints.freeze(state)
        self._wait_for_the_one_before()
        policy, values = self._context.policy, reported or {}
        value = policy.watched(values) if fresh else None
        snapshot = _Snapshot(frozen, step, value, policy.limits(values), part, dict(values), told, all_parts)
        self._thread = threading.Thread(target=self._store, args=(snapshot,), name="checkpoint")
        self._thread.start()
        return checkpoints.checkpoint_key(self._context.job_id, self._context.attempt, step)

    def wait(self) -> None:
        """Returns when no save is under way."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def went_on_from(self, key: str, step: int) -> None:
        """Notes the checkpoint that this attempt began with."""
        self.saved_step = step
        if self._context.world_size > 1:
            self._in_use = frozenset([key])  # another rank may still be about to read it

    def _wait_for_the_one_before(self) -> None:
        began = time.monotonic()
        self.wait()
        waited = time.monotonic() - began
        if waited > _WORTH_TELLING_S and not self._told_slow:
            self._told_slow = True
            _tell(
                f"training waited {waited:.1f} s for the checkpoint before to be stored; save less often"
                " (checkpoint.every_minutes in the job file)"
            )

    def _store(self, snapshot: _Snapshot) -> None:
        try:
            self._store_durably(snapshot)
        except Exception as error:  # a checkpoint that fails is no reason to lose the training
            self._failed(snapshot.step, error)
            return
        self.saved_step = snapshot.step
        try:
            self._remove_old(snapshot.limits)
        except Exception as error:
            _tell(f"older checkpoints were not removed: {_said(error)}; the next save tries again")

    def _store_durably(self, snapshot: _Snapshot) -> None:
        context = self._context
        about: dict[str, Any] = {"step": snapshot.step, "value": snapshot.value}
        about["reported"] = dict(snapshot.reported)
        about["parts"] = self._parts(snapshot)
        data = checkpoints.encode_frozen(snapshot.frozen, about)
        key = checkpoints.checkpoint_key(context.job_id, context.attempt, snapshot.step)
        sha256 = hashlib.sha256(data).hexdigest()
        self._objects().put(key, data)
        self._values[key] = snapshot.value
        record = {"kind": "checkpoint", "at": time.time(), "step": snapshot.step, "key": key}
        record |= {"sha256": sha256, "bytes": len(data), **snapshot.told}
        self._record(record if snapshot.value is None else record | {"value": snapshot.value})

    def _parts(self, snapshot: _Snapshot) -> list[Any]:
        """Of rank 0, and of the others where they come; a list of one otherwise."""
        others = self.exchange.take(snapshot.step, PARTS_LIMIT_S)
        if others is None and snapshot.all_parts and self._context.world_size > 1:
            raise Unavailable(f"not all ranks have said within {PARTS_LIMIT_S:.0f} s where they stand")
        return [snapshot.part, *(others or [])]

    def _remove_old(self, limits: retention.Limits) -> None:
        objects = self._objects()
        found = checkpoints.find_checkpoints(objects, self._context.job_id)
        for one in found:
            if one.key not in self._values:
                self._values[one.key] = checkpoints.read_value(objects, one.key)
        stored = [
            retention.Stored(one.key, one.attempt, one.step, one.bytes, self._values[one.key])
            for one in found
        ]
        for old in retention.to_remove(stored, limits, self._in_use):
            objects.delete(old.key)
            self._record({"kind": "checkpoint_removed", "at": time.time(), "key": old.key})

    def _failed(self, step: int, error: Exception) -> None:
        kept = "none is stored yet" if self.saved_step < 0 else f"the newest is of step {self.saved_step}"
        message = f"the checkpoint of step {step} was not stored: {_said(error)}"
        _tell(f"{message}; training goes on, the next save tries again ({kept})")
        self._record({"kind": "checkpoint_failed", "at": time.time(), "step": step, "message": message})


def _said(error: Exception) -> str:
    return error.detail if isinstance(error, TensorFleetError) else f"{type(error).__name__}: {error}"


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
