"""What was measured on a machine, what is allowed, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MOST_GPUS = 64
MIB = 1024**2


class Status(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    """Worth a look; it goes on getting tasks."""
    FAILED = "failed"

    @property
    def weight(self) -> int:
        return list(Status).index(self)


@dataclass(frozen=True)
class Limits:
    """From where on a machine is degraded, and from where on it has failed.

    Attributes:
        disk_free: part of the disk that has to be free; shares are 0 to 1.
        memory_degraded, memory_failed: part of the memory on offer that has to be available.
        swap_degraded, swap_failed: bytes that are moved between memory and disk in a second.
        link_bytes_s, link_round_trip_s: of a way to another machine.
    """

    clock_degraded_s: float = 2.0
    clock_failed_s: float = 30.0
    disk_free: float = 0.05
    disk_degraded_s: float = 2.0
    disk_failed_s: float = 20.0
    memory_degraded: float = 0.1
    memory_failed: float = 0.02
    swap_degraded: float = 32.0 * MIB
    swap_failed: float = 256.0 * MIB
    link_bytes_s: float = 10.0 * MIB
    link_round_trip_s: float = 0.1


@dataclass(frozen=True)
class Gpu:
    name: str
    ecc_errors: int | None = None
    """That could not be corrected since the driver was loaded; None where it does not count them."""
    slowed_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """As an agent says it; None for what it did not measure.

    Attributes:
        clock_offset_s: how far its clock is ahead of the orchestrator's.
        clock_error_s: half of the round trip: the offset is not known more exactly.
        disk_trouble: why nothing could be written, as the system puts it.
        disk_write_s: for a small file, until it was on the disk.
        gpus: None where they were not looked at; `gpu_trouble` says why.
    """

    clock_offset_s: float | None = None
    clock_error_s: float = 0.0
    disk_total_bytes: float | None = None
    disk_free_bytes: float | None = None
    disk_write_s: float | None = None
    disk_trouble: str = ""
    memory_offered_bytes: float | None = None
    memory_available_bytes: float | None = None
    memory_total_bytes: float | None = None
    swap_bytes_s: float | None = None
    gpus: tuple[Gpu, ...] | None = None
    gpu_trouble: str = ""
    no_gpus: str = ""
    """Why there was none to look at."""


@dataclass(frozen=True)
class Finding:
    """One check: a sentence with the value, the limit and, where it is not well, what to do."""

    check: str
    status: Status
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """`skipped`: what was not checked, each with why; that is no pass."""

    findings: tuple[Finding, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        return max((one.status for one in self.findings), key=lambda one: one.weight, default=Status.OK)

    @property
    def evidence(self) -> tuple[str, ...]:
        """What is not well, the worst first."""
        found = [one for one in self.findings if one.status is not Status.OK]
        return tuple(one.sentence for one in sorted(found, key=lambda one: -one.status.weight))


@dataclass(frozen=True)
class ClockReading:
    """The four instants of a question and its answer, in seconds: two by the one clock, two by the other."""

    asked: float
    heard: float
    answered: float
    back: float

    @property
    def offset_s(self) -> float:
        """How far the other clock is ahead (RFC 5905, section 8): the round trip is taken off."""
        return ((self.heard - self.asked) + (self.answered - self.back)) / 2

    @property
    def error_s(self) -> float:
        return max(0.0, (self.back - self.asked) - (self.answered - self.heard)) / 2


def measured_of(
    data: Mapping[str, Any], clock: ClockReading | None = None, offered_bytes: float | None = None
) -> Measured:
    """What an agent has sent; anything in it that makes no sense was not measured."""
    disk, memory = _mapping(data.get("disk")), _mapping(data.get("memory"))
    gpus = data.get("gpus")
    sound = clock is not None and math.isfinite(clock.offset_s)
    return Measured(
        clock_offset_s=clock.offset_s if clock is not None and sound else None,
        clock_error_s=clock.error_s if clock is not None and sound else 0.0,
        disk_total_bytes=_number(disk.get("total_bytes")),
        disk_free_bytes=_number(disk.get("free_bytes")),
        disk_write_s=_number(disk.get("write_s")),
        disk_trouble=_text(disk.get("trouble")),
        memory_offered_bytes=offered_bytes or None,
        memory_available_bytes=_number(memory.get("available_bytes")),
        memory_total_bytes=_number(memory.get("total_bytes")),
        swap_bytes_s=_number(memory.get("swap_bytes_s")),
        gpus=tuple(map(_gpu, gpus[:MOST_GPUS])) if isinstance(gpus, list) else None,
        gpu_trouble=_text(data.get("gpu_trouble")),
        no_gpus=_text(data.get("no_gpus")),
    )


def _gpu(data: Any) -> Gpu:
    found = _mapping(data)
    errors, slowed = _number(found.get("ecc_errors")), found.get("slowed_by")
    return Gpu(
        _text(found.get("name")) or "GPU",
        None if errors is None else int(errors),
        tuple(_text(one) for one in slowed[:8]) if isinstance(slowed, list) else (),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 1e18 else None


def _text(value: Any) -> str:
    return " ".join(value.split())[:200] if isinstance(value, str) else ""


@dataclass(frozen=True)
class Link:
    """The way from one machine to another, as two agents measured it; without `bytes_s` they did not reach each other."""

    here: str
    there: str
    bytes_s: float | None = None
    round_trip_s: float | None = None
    trouble: str = ""


def measured_link(here: str, there: str, data: Mapping[str, Any]) -> Link:
    """As the agent says it that went from `here` to `there`."""
    pace, trip_s = _number(data.get("bytes_s")), _number(data.get("round_trip_s"))
    return Link(here, there, pace if pace and pace > 0 else None, trip_s, _text(data.get("trouble")))


@dataclass(frozen=True)
class Pace:
    """When machines are looked at again.

    Attributes:
        first_s, most_s: from one look at a machine in quarantine to the next: twice as long each time.
        forget_s: after so long without a failure the first interval counts again.
        failures: so many jobs have to fail on a machine and go well elsewhere, within `window_s`.
        share: and at least this part of what ran there has to have failed.
    """

    fresh_s: float = 600.0
    first_s: float = 10.0
    most_s: float = 3600.0
    forget_s: float = 86400.0
    failures: int = 3
    window_s: float = 3600.0
    share: float = field(default=0.5)
