"""The running task as training code sees it: parameters, data, metrics, checkpoints."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput, NotFound
from tensorfleet.training import checkpoints
from tensorfleet.training.context import TaskContext, find_context

if TYPE_CHECKING:
    from tensorfleet.objects.ports import ObjectStore
    from tensorfleet.training.shard import Shard

RECORDS_FILE = "records.jsonl"


class Session:
    """One task's ties to the outside: files in its folder and the object store; nobody needs to listen."""

    def __init__(self, context: TaskContext) -> None:
        self.context = context
        self.last_values: dict[str, float] = {}
        self._step = -1
        self._records: int | None = None
        self._warned: set[str] = set()
        self.keep_alive: object = None

    @cached_property
    def objects(self) -> ObjectStore:
        from tensorfleet.adapters.objectstore import open_object_store

        return open_object_store(self.context.objects_url)

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
        return Shard(source.path, source.format, source.target, frame)

    def report(self, step: int | None = None, **values: Any) -> None:
        """Records metrics of one step; without a step, of the one after the last reported."""
        self._step = self._step + 1 if step is None else int(step)
        numbers = {name: self._number(name, value) for name, value in values.items()}
        self.last_values.update({name: number for name, number in numbers.items() if number is not None})
        self._write({"kind": "metrics", "at": time.time(), "step": self._step, "values": numbers})
        if self.context.by_hand and self.context.rank == 0:
            shown = "  ".join(
                f"{name} {number:.6g}" for name, number in numbers.items() if number is not None
            )
            print(f"step {self._step}  {shown}", flush=True)

    def progress(self, value: float) -> None:
        """Records how much of the task is done, 0 to 1."""
        self._write({"kind": "progress", "at": time.time(), "value": round(min(1.0, max(0.0, value)), 4)})

    def save(self, state: Any, step: int | None = None) -> str | None:
        """Stores a checkpoint and removes those that are too many; returns its key.  Only rank 0 does so."""
        context = self.context
        step = max(self._step, 0) if step is None else int(step)
        if context.rank != 0:
            return None
        data = checkpoints.encode(state)
        key = checkpoints.checkpoint_key(context.job_id, context.attempt, step)
        self.objects.put(key, data)
        sha256 = hashlib.sha256(data).hexdigest()
        self._write(
            {
                "kind": "checkpoint",
                "at": time.time(),
                "step": step,
                "key": key,
                "sha256": sha256,
                "bytes": len(data),
            }
        )
        for old in checkpoints.list_checkpoints(self.objects, context.job_id)[
            context.checkpoint_policy("keep_last", 2) :
        ]:
            self.objects.delete(old)
        return key

    def restore(self) -> Any:
        """The state to go on from, or None; a checkpoint that is gone or damaged gives way to an older one."""
        context = self.context
        if context.checkpoint is None and not context.by_hand:
            return None
        wanted = context.checkpoint or {}
        candidates = [wanted["key"]] if wanted else []
        candidates += [
            key for key in checkpoints.list_checkpoints(self.objects, context.job_id) if key not in candidates
        ]
        for key in candidates:
            try:
                return self._load(key, wanted.get("sha256") if key == wanted.get("key") else None)
            except NotFound:
                print(f"checkpoint {key} is gone", file=sys.stderr, flush=True)
            except checkpoints.Damaged as error:
                print(f"checkpoint {key} is damaged: {error}", file=sys.stderr, flush=True)
        if wanted:
            print("no usable checkpoint is left; starting from the beginning", file=sys.stderr, flush=True)
        return None

    def _load(self, key: str, sha256: str | None) -> Any:
        data = self.objects.get(key)
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise checkpoints.Damaged("its SHA-256 is not the recorded one")
        return checkpoints.decode(data)

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

    def _write(self, record: dict[str, Any]) -> None:
        line = json.dumps(record, allow_nan=False).encode() + b"\n"
        if self._records is None:
            self.context.task_dir.mkdir(parents=True, exist_ok=True)
            path = self.context.task_dir / RECORDS_FILE
            self._records = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        # A record is whole or missing, also when several processes of the task write at the same time.
        os.write(self._records, line)

    def close(self) -> None:
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
