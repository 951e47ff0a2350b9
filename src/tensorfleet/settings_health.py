"""The settings of the health of machines: when they are looked at, and what is too much or too little."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from tensorfleet.kit.units import parse_size

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0, le=1e7)]
Size = Annotated[int, BeforeValidator(parse_size), Field(ge=0)]
MIB = 1024**2


class HealthSettings(BaseModel):
    """Over `_degraded` a machine is worth a look, over `_failed` (memory: under) its workers go into quarantine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    clock_degraded_s: Seconds = 2.0
    clock_failed_s: Seconds = 30.0
    disk_free: Share = 0.05
    """Part of the disk that has to be free."""
    disk_degraded_s: Seconds = 2.0
    disk_failed_s: Seconds = 20.0
    """For a small file, until it is on the disk."""
    memory_degraded: Share = 0.1
    memory_failed: Share = 0.02
    """Part of the memory on offer that is available."""
    swap_degraded: Size = 32 * MIB
    swap_failed: Size = 256 * MIB
    """Bytes a second between memory and swap."""
    link_speed: Size = 10 * MIB
    """Bytes a second that machines of one gang should reach between them."""
    link_round_trip_s: Seconds = 0.1
    fresh_s: float = Field(default=600.0, ge=0)
    """A machine of which an agent joins is checked if it was not for so long."""
    answer_s: Seconds = 60.0
    """An agent that speaks has to end its checks within this."""
    recheck_first_s: Seconds = 10.0
    recheck_most_s: Seconds = 3600.0
    """A machine in quarantine is looked at again after the first, then after twice as long each time, up to the second."""
    failures: int = Field(default=3, ge=1)
    failures_window_s: Seconds = 3600.0
    """So many jobs that fail on one machine within this time, and go well elsewhere, put it into quarantine."""

    @field_validator("clock_failed_s", "disk_failed_s", "swap_failed", "recheck_most_s")
    @classmethod
    def _not_under_the_first(cls, value: float, info: ValidationInfo) -> float:
        name = str(info.field_name)
        other = "recheck_first_s" if name == "recheck_most_s" else name.replace("_failed", "_degraded")
        if value < info.data.get(other, 0):
            raise ValueError(f"has to be at least {other}, which is {info.data[other]:g}")
        return value

    @field_validator("memory_failed")
    @classmethod
    def _not_over_the_first(cls, value: float, info: ValidationInfo) -> float:
        if value > info.data.get("memory_degraded", 1):
            raise ValueError(f"has to be at most memory_degraded, which is {info.data['memory_degraded']:g}")
        return value
