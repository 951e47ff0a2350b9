"""What the fleet needs from outside: something that starts and stops agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True)
class WorkerType:
    """A kind of agent that can be started; each job of a worker takes one of its slots.

    Attributes:
        cpus, gpus, memory_bytes: what one agent of this kind has.  0 CPUs or bytes: what its machine has, shared with all others
            there; 0 GPUs: none, as a GPU has one agent.
        cost_per_hour: of one agent, in the currency of the price book.
        spot: may be taken away at any time.
        most: at most so many at a time; None for no limit of its own.
    """

    name: str = "default"
    slots: int = 1
    cpus: float = 0.0
    gpus: float = 0.0
    memory_bytes: int = 0
    cost_per_hour: float = 0.0
    spot: bool = False
    most: int | None = None


class LaunchState(StrEnum):
    STARTING = "starting"
    """Asked for; it has no place yet, or its process is not up yet."""
    UP = "up"
    """Its process runs; whether it has joined is on its worker's record."""
    GONE = "gone"
    """It ended, or its machine did."""


@dataclass(frozen=True)
class Launched:
    """An agent that a launcher was asked for."""

    worker_id: str
    type_name: str
    state: LaunchState
    node: str = ""
    """The machine that it is on, as the engine below calls it."""
    detail: str = ""
    """Why it is not up, in a sentence; empty when there is nothing to say."""


class Launcher(Protocol):
    """Starts and stops agents on one engine.

    Calls are idempotent, may come from several threads, and return within a second or so: what takes longer goes on by itself
    and shows in `launched`.  A launcher outlives the orchestrator's death as its agents do: a new one finds them again.

    Raises (each method):
        Unavailable: the engine does not answer; nothing is known, and "unknown" is not "gone".
    """

    def launch(self, worker_id: str, worker_type: WorkerType) -> None:
        """Asks for an agent that joins as `worker_id`.  One that was asked for already, and is not gone, stays as it is."""
        ...

    def launch_together(self, worker_ids: Sequence[str], worker_type: WorkerType) -> None:
        """The same for a gang's agents, which are worth nothing one by one: they get their places all at once, or none yet."""
        ...

    def release(self, worker_id: str) -> None:
        """Has an agent end: no new tasks, its running ones are saved and go back into the queue, then its process ends."""
        ...

    def launched(self) -> Sequence[Launched]:
        """All that were asked for and not released, and those that are gone, until they are launched or released again."""
        ...

    def close(self) -> None:
        """Lets go of the engine; the agents stay."""
        ...
