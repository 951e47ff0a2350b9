"""Finds the checkpoint to go on from."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import NotFound
from tensorfleet.training import checkpoints

if TYPE_CHECKING:
    from tensorfleet.objects.ports import ObjectStore
    from tensorfleet.training.context import TaskContext


@dataclass(frozen=True)
class Restored:
    """A checkpoint that was read and is whole.

    Attributes:
        reported: the metrics as they were last reported.
        parts: by rank, of the gang that saved it: `{"rng", "mine"}`; only rank 0's where the others gave none.
    """

    key: str
    step: int
    state: Any
    parts: list[Any]
    reported: dict[str, float]

    def part(self, rank: int, world_size: int) -> Any:
        """What one rank left for itself; None when the gang had another size, or the rank left nothing."""
        if rank >= len(self.parts) or len(self.parts) not in (1, world_size):
            return None
        return self.parts[rank]


def find_restorable(context: TaskContext, objects: ObjectStore) -> Restored | None:
    """The newest whole checkpoint: the one that the platform names, else, when it is gone or damaged, an older one.

    Raises:
        Unavailable: the store itself is not there.
    """
    wanted = context.checkpoint or {}
    for key in _candidates(context, objects):
        try:
            return _load(objects, key, wanted.get("sha256") if key == wanted.get("key") else None)
        except NotFound as error:
            _tell(f"checkpoint {key} is gone ({error.detail}); looking for an older one")
        except checkpoints.Damaged as error:
            _tell(f"checkpoint {key} is damaged: {error}; looking for an older one")
    if wanted:
        objects.ping()  # a store that is away may come back, and has the checkpoints then
        _tell("no usable checkpoint is left; starting from the beginning")
    return None


def _candidates(context: TaskContext, objects: ObjectStore) -> list[str]:
    wanted = context.checkpoint
    if wanted is None and not context.by_hand:
        return []
    first = [wanted["key"]] if wanted else []
    others = checkpoints.list_checkpoints(objects, context.job_id)
    return first + [key for key in others if key not in first]


def _load(objects: ObjectStore, key: str, sha256: str | None) -> Restored:
    data = objects.get(key)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise checkpoints.Damaged("its SHA-256 is not the recorded one")
    state, about = checkpoints.decode_both(data)
    parts, reported = (list(about["parts"]), dict(about["reported"])) if about else ([], {})
    return Restored(key, checkpoints.step_of(key), state, parts, reported)


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
