"""What the autoscaler sees, what it remembers, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tensorfleet.fleet.ports import Launched, WorkerType
from tensorfleet.scaling.windows import Window
from tensorfleet.scheduling.model import Snapshot


@dataclass(frozen=True)
class Limits:
    """What it may do; workers are agents, whatever their number of slots.

    Attributes:
        up, down: loads (0 to 1) over which the fleet grows, and under which it may shrink.
        max_queue: so many jobs may wait for workers before the fleet grows for their number alone.
        cool_down_s: it shrinks only after so long without growth, without a wait, and with a load under `down`.
        join_s: an agent that was asked for and has not joined after so long is given up.
        spot_share: at most this part of the launched workers may be spot ones, where others would do as well.
        spot_pause_s: after the loss of a spot worker others are taken for so long.
    """

    types: tuple[WorkerType, ...] = (WorkerType(),)
    least: int = 0
    most: int = 10
    up: float = 0.8
    down: float = 0.3
    max_queue: int = 0
    cool_down_s: float = 120.0
    join_s: float = 300.0
    spot_share: float = 1.0
    spot_pause_s: float = 600.0
    schedule: tuple[Window, ...] = ()

    def least_at(self, now: datetime) -> int:
        """The minimum, raised by the windows that are open now."""
        return max([self.least, *(window.least for window in self.schedule if window.holds(now))])


@dataclass(frozen=True)
class FleetView:
    """The fleet at one instant, as the scheduler and the launcher see it.

    Attributes:
        launched: None when the launcher does not answer: then nothing is known of what it runs.
        lost: workers that have been silent for so long that their leases are over.
        silent: workers that were not heard of just now; their leases are still good.
        trouble: why the rest is not up to date, as a sentence; empty when it is.
    """

    snapshot: Snapshot
    launched: tuple[Launched, ...] | None = ()
    lost: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    trouble: str = ""


@dataclass(frozen=True)
class Awaited:
    """An agent that was asked for and is not here."""

    type_name: str
    since: datetime


@dataclass(frozen=True)
class Size:
    """What an agent of a type turned out to have."""

    slots: int
    cpus: float
    gpus: float
    memory_bytes: int


@dataclass(frozen=True)
class Memory:
    """What a decision has to know of those before it; survives the death of who decides.

    Attributes:
        going: drained by us, and since when; given back when they hold no lease.
        released: given back, and since when, as long as the launcher still lists them.
        joined: launched workers that were here, by their type: one of them that is gone was lost.
        busy_at: when something waited, or the load was not under the lower threshold, for the last time.
        failures, failed_at: agents in a row that did not join, and when the last one was given up.
        held: the number of workers that a person has set, instead of what load and queue say.
        sick: launched workers in quarantine, and since when this is known.
    """

    awaited: Mapping[str, Awaited] = field(default_factory=dict)
    going: Mapping[str, datetime] = field(default_factory=dict)
    released: Mapping[str, datetime] = field(default_factory=dict)
    joined: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, Size] = field(default_factory=dict)
    target: Mapping[str, int] = field(default_factory=dict)
    busy_at: datetime | None = None
    changed_at: datetime | None = None
    spot_lost_at: datetime | None = None
    failures: int = 0
    failed_at: datetime | None = None
    held: int | None = None
    sick: Mapping[str, datetime] = field(default_factory=dict)


class Action(StrEnum):
    HOLD = "hold"
    GROW = "grow"
    SHRINK = "shrink"
    REPLACE = "replace"
    """Idle workers make room, at the maximum, for others that what waits needs."""
    AT_MAXIMUM = "at_maximum"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Signal:
    """What it goes by, in numbers, and the number of workers that it wants."""

    load: float = 0.0
    """0 to 1: of the fleet as it will be when all that are coming have joined."""
    queue: int = 0
    """Jobs that wait for workers which they could get."""
    workers: int = 0
    """Those that are here."""
    desired: int = 0


@dataclass(frozen=True)
class Decision:
    """What to do now, and why.

    Attributes:
        target: workers by type that are to be there when all of this is done; "" stands for those that were not launched.
        starts: agents to start, by type.
        again: agents that were asked for and are not known to the launcher: it is to be asked again.
        drains: idle workers that get no tasks any more.
        keeps: workers that were drained, and are given tasks again.
        releases: agents that the launcher is to end or to forget.
        notes: what waits and is not grown for, and why.
    """

    action: Action
    reason: str
    memory: Memory
    signal: Signal
    target: Mapping[str, int] = field(default_factory=dict)
    starts: Mapping[str, int] = field(default_factory=dict)
    again: Mapping[str, str] = field(default_factory=dict)
    drains: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.starts or self.drains or self.keeps or self.releases)
