"""The settings of autoscaling: how many workers there may be, and when there are more or fewer."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_WORKERS = 1024


def _minutes(value: Any) -> Any:
    """`18:30` as minutes after midnight; YAML itself reads an unquoted 18:30 as this number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    hours, _, minutes = str(value).partition(":")
    if not (hours.isdecimal() and minutes.isdecimal() and int(minutes) < 60):
        raise ValueError("is not a time of day such as 18:30")
    return int(hours) * 60 + int(minutes)


Minutes = Annotated[int, BeforeValidator(_minutes), Field(ge=0, le=24 * 60)]


def find_zone(name: str) -> tzinfo:
    return UTC if name.upper() == "UTC" else ZoneInfo(name)


class MinimumWindow(BaseModel):
    """A time of the week at which the minimum is higher."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    min: int = Field(ge=0, le=MOST_WORKERS)
    days: str = "mon-sun"
    """`mon-fri`, or `sat, sun`; the day on which it begins."""
    begin: Minutes = Field(default=0, alias="from")
    end: Minutes = Field(default=24 * 60, alias="to")
    zone: str = "UTC"

    @field_validator("days")
    @classmethod
    def _known_days(cls, value: str) -> str:
        days_of(value)
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            find_zone(value)
        except (ValueError, OSError, KeyError) as error:
            raise ValueError(
                "is no time zone that this machine knows, such as Europe/Berlin or UTC"
            ) from error
        return value


def days_of(text: str) -> frozenset[int]:
    """The weekdays of `mon-fri, sun`; 0 is Monday."""
    found: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError("is not a list of days such as mon-fri or sat, sun")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)}
    return frozenset(found)


class AutoscaleSettings(BaseModel):
    """Workers are agents, whatever their number of slots."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = False
    carried_out_by: Literal["launcher", "others"] = "launcher"
    """`others`: it only says how many there should be; Kubernetes, or who else reads the signal, starts and stops them."""
    min: int = Field(default=0, ge=0, le=MOST_WORKERS)
    max: int = Field(default=10, ge=1, le=MOST_WORKERS, validate_default=True)
    scale_up_threshold: float = Field(default=0.8, gt=0, lt=1)
    """It grows when more than this part of the slots is in use."""
    scale_down_threshold: float = Field(default=0.3, ge=0, lt=1, validate_default=True)
    monitoring_interval: float = Field(default=10.0, ge=0.5, le=3600)
    """Seconds between two looks; it also looks when the queue changes."""
    max_queue: int = Field(default=0, ge=0)
    """So many jobs may wait for workers before it grows for their number alone."""
    cool_down_s: float = Field(default=120.0, ge=0)
    """It shrinks only after so long without growth and with little load."""
    join_s: float = Field(default=300.0, gt=0)
    """An agent that has not joined so long after it was asked for is given up."""
    spot_share: float = Field(default=1.0, ge=0, le=1)
    spot_pause_s: float = Field(default=600.0, ge=0)
    schedule: tuple[MinimumWindow, ...] = ()

    @field_validator("max")
    @classmethod
    def _over_min(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("min", 0):
            raise ValueError(f"has to be at least min, which is {info.data['min']}")
        return value

    @field_validator("scale_down_threshold")
    @classmethod
    def _under_the_upper_one(cls, value: float, info: ValidationInfo) -> float:
        if value >= info.data.get("scale_up_threshold", 1):
            raise ValueError(
                f"has to be under scale_up_threshold, which is {info.data['scale_up_threshold']:g}"
            )
        return value

    @field_validator("schedule")
    @classmethod
    def _within_max(cls, value: tuple[MinimumWindow, ...], info: ValidationInfo) -> tuple[MinimumWindow, ...]:
        if any(window.min > info.data.get("max", MOST_WORKERS) for window in value):
            raise ValueError(f"may have no min over max, which is {info.data['max']}")
        return value
