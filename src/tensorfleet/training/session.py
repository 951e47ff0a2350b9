"""The running task as training code sees it: parameters, data, metrics, checkpoints."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from tensorfleet.errors import InvalidInput, NotFound, Unavailable
from tensorfleet.training.context import TaskContext, find_context
from tensorfleet.training.distributed import default_store, on_any_rank
from tensorfleet.training.gang import STOP, Agreement, Exchange
from tensorfleet.training.pulse import Pulse
from tensorfleet.training.restoring import Restored, find_restorable
from tensorfleet.training.rng import apply as restore_rng
from tensorfleet.training.saving import Saver
from tensorfleet.training.stopping import LegEnded, Stopped, StopRequest
from tensorfleet.training.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tensorfleet.adapters.leased import LeasedObjectStore
    from tensorfleet.objects.ports import ObjectStore
    from tensorfleet.training.keeping import Keeper
    from tensorfleet.training.profiling import Profiler
    from tensorfleet.training.shard import Shard

RECORDS_FILE = "records.jsonl"
Item = TypeVar("Item")


class Session:
    """One task's ties to the outside: files in its folder and the object store; nobody needs to listen."""

    def __init__(self, context: TaskContext) -> None:
        self.context = context
        self.last_values: dict[str, float] = {}
        self._step = -1
        self._records: int | None = None
        self._warned: set[str] = set()
        self.keep_alive: object = None
        self.keeper: Keeper | None = None
        self.timeline = Timeline(self.write)
        self.profiler: Profiler | None = None
        self.restored: Restored | None = None
        self.stop = StopRequest()
        self.stopping = False
        """All ranks know that they stop here."""
        self._fresh = False
        self._saves = 0
        self._agreement: Agreement | None = None
        self._writing = threading.Lock()
        self._lent: LeasedObjectStore | None = None

    @cached_property
    def objects(self) -> ObjectStore:
        url = self.context.objects_url
        if url.startswith("lease:"):
            from tensorfleet.adapters.leased import LeasedObjectStore

            self._lent = LeasedObjectStore(url)
            return self._lent
        from tensorfleet.adapters.objectstore import open_object_store

        return open_object_store(url, make=self.context.by_hand)

    def dataset(self) -> Shard:
        """This rank's rows of the job's dataset.

        Raises:
            InvalidInput: the job has no dataset.
            DataInvalid: it cannot be read.
        """
        from tensorfleet.training.data import locate, read_table
        from tensorfleet.training.shard import Shard, shard_rows

        source = locate(self)
        frame = read_table(source)
        context = self.context
        if context.world_size > 1:
            frame = frame[shard_rows(frame.height, context.rank, context.world_size, context.seed)]
        self.timeline.mark("prepared")
        return Shard(source.path, source.format, source.target, frame)

    def fetch(self, digest: str, what: str) -> Path:
        """A file that the job was submitted with, as a local one.

        Raises:
            Unavailable: the object store is away, or has lost `what`.
        """
        from tensorfleet.objects.blobs import BlobStore

        try:
            found = BlobStore(self.objects).fetch(digest, self.context.cache_dir, self.beat)
        except NotFound as error:
            raise Unavailable(
                f"{what} is not in the object store any more: {error.detail}; put the store's content back, or submit"
                " the job again with its files"
            ) from error
        self.timeline.mark("fetched")
        return found

    def report(self, step: int | None = None, **values: Any) -> None:
        """Records metrics of one step; without a step, of the one after the last reported."""
        self._step = self._step + 1 if step is None else int(step)
        self._fresh = True
        self.beat(self._step)
        self.timeline.reported()
        numbers = {name: self._number(name, value) for name, value in values.items()}
        self.last_values.update({name: number for name, number in numbers.items() if number is not None})
        record = {"kind": "metrics", "at": time.time(), "step": self._step, "values": numbers}
        pace = self.timeline.pace()
        self.write(record | {"pace": pace} if pace else record)
        if self.context.by_hand and self.context.rank == 0:
            shown = "  ".join(
                f"{name} {number:.6g}" for name, number in numbers.items() if number is not None
            )
            print(f"step {self._step}  {shown}", flush=True)

    def progress(self, value: float) -> None:
        """Records how much of the task is done, 0 to 1."""
        self.beat()
        self.write({"kind": "progress", "at": time.time(), "value": round(min(1.0, max(0.0, value)), 4)})

    def save(
        self, state: Any, step: int | None = None, *, rng: bool = True, wait: bool = False
    ) -> str | None:
        """What `train.save` does; with a stop asked for, it stores the state, and raises Stopped.

        Raises:
            LegEnded: the job's part of the training ends at this step.
        """
        self.listen_for_stop()
        step = max(self._step, 0) if step is None else int(step)
        self.beat(step)
        stop = self._stop_at_this_save() or self.stopping
        key = self.saver.save(state, step, self.last_values, with_rng=rng, fresh=self._take_fresh())
        if self.context.until is not None and step >= self.context.until:
            self.ensure_saved(step)
            raise LegEnded
        if stop:
            self.stopping = True
            raise Stopped(step)
        if wait:
            self.saver.wait()
        return key

    def save_builtin(
        self, state: Any, step: int, mine: Any = None, *, all_parts: bool = True, **told: Any
    ) -> None:
        """A checkpoint of a built-in trainer, which needs `mine` of every rank, where there is any (see `Saver.save`)."""
        self.saver.save(
            state, step, self.last_values, mine=mine, all_parts=all_parts, fresh=self._take_fresh(), **told
        )

    def ensure_saved(self, step: int) -> None:
        """Returns when the checkpoint of `step` is stored, which another job is to go on from.

        Raises:
            Unavailable: it could not be stored.
        """
        self.saver.wait()
        if self.context.rank == 0 and self.saver.saved_step != step:
            raise Unavailable(
                f"the checkpoint of step {step} was not stored, and the training that goes on from it needs it"
            )

    def restore(self, *, rng: bool = True) -> Any:
        """The state to go on from, or None; a checkpoint that is gone or damaged gives way to an older one.

        Random numbers go on too where they were, if as many ranks go on as saved.
        """
        self.listen_for_stop()
        context = self.context
        if context.checkpoint is None and not context.by_hand:
            return None
        self.restored = find_restorable(context, self.objects)
        if self.restored is None:
            return None
        if context.rank == 0:
            self.last_values.update(self.restored.reported)
        self.saver.went_on_from(self.restored.key, self.restored.step)
        part = self.restored.part(context.rank, context.world_size)
        if rng and part and part["rng"]:
            restore_rng(part["rng"])
        return self.restored.state

    # ---- stopping ----------------------------------------------------------------------------------------------------

    def listen_for_stop(self) -> None:
        """From now on SIGTERM asks for a stop with the state saved, instead of ending the process."""
        if not self.context.by_hand:
            self.stop.listen()

    def should_stop(self) -> bool:
        """What `train.should_stop` does: the same answer on all ranks of a process group."""
        self.listen_for_stop()
        self.beat()
        self.stopping = self.stopping or on_any_rank(self.stop.asked)
        return self.stopping

    def _stop_at_this_save(self) -> bool:
        """Whether all ranks stop at this call of `save`, their n-th.

        Ranks that train together agree on it, as one that left early would fail the others; the rest each stop at their own.
        """
        store = default_store() if self.context.world_size > 1 else None
        if store is None:
            return self.stop.asked
        if self._agreement is None:
            self._agreement = Agreement(store, self.context.rank, self.context.world_size)
            self.saver.exchange = Exchange(store, self.context.world_size)
        self._saves += 1
        return self._agreement.after(self._saves, STOP if self.stop.asked else None) == STOP

    def _take_fresh(self) -> bool:
        """Whether metrics were reported since the save before: then they belong to the state that is saved now."""
        fresh, self._fresh = self._fresh, False
        return fresh

    def beat(self, step: int | None = None) -> None:
        """Tells whoever watches this task for hangs that it got on."""
        self._pulse.beat(step)

    def stepped(self, step: int | None, rows: int = 0, of_all: int = 0) -> None:
        """A step of training is done, on so many rows here, and `of_all` on all ranks together."""
        self.beat(step)
        self.timeline.step(rows, of_all)

    def phase(self, name: str) -> AbstractContextManager[None]:
        """What `train.phase` does: nothing, unless the job is profiled."""
        return nullcontext() if self.profiler is None else self.profiler.phase(name)

    def reading(self, items: Iterable[Item]) -> Iterable[Item]:
        """The batches of a training loop; a profile counts the wait for each."""
        return items if self.profiler is None else self.profiler.reading(items)

    @cached_property
    def _pulse(self) -> Pulse:
        return Pulse(self.context.task_dir)

    @cached_property
    def saver(self) -> Saver:
        return Saver(self.context, lambda: self.objects, self.write)

    def _number(self, name: str, value: Any) -> float | None:
        if hasattr(value, "item"):
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidInput(
                f"metric '{name}' is {str(value)[:60]!r}, a {type(value).__name__}; report numbers"
            )
        if math.isfinite(value):
            return value
        if name not in self._warned:
            self._warned.add(name)
            print(
                f"warning: metric '{name}' is {value} at step {self._step}; it is kept as null",
                file=sys.stderr,
                flush=True,
            )
        return None

    def write(self, record: dict[str, Any]) -> None:
        """Appends a record, for the platform to read; any thread may."""
        line = json.dumps(record, allow_nan=False).encode() + b"\n"
        with self._writing:
            if self._records is None:
                self.context.task_dir.mkdir(parents=True, exist_ok=True)
                path = self.context.task_dir / RECORDS_FILE
                self._records = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        # A record is whole or missing, also when several processes of the task write at the same time.
        os.write(self._records, line)

    @property
    def last_step(self) -> int:
        """The step that was reported last, -1 for none."""
        return self._step

    def close(self) -> None:
        """Waits for a checkpoint that is being stored, and leaves nothing open."""
        self.saver.wait()
        self.stop.close()
        if self._lent is not None:
            self._lent.close()
        if self._records is not None:
            os.close(self._records)
            self._records = None


_current: Session | None = None


def current() -> Session:
    """The session of this process, made at the first call."""
    global _current
    if _current is None:
        _current = Session(find_context())
    return _current


def activate(session: Session | None) -> None:
    """Makes `session` the one that `tensorfleet.train` speaks to."""
    global _current
    _current = session
