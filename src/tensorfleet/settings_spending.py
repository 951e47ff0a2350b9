"""What the fleet costs, and how much of that each workspace may spend."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PriceSettings(BaseModel):
    """Of one core, GPU and gigabyte for an hour; what a worker type leaves out is as for the others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu_hour: float | None = Field(default=None, ge=0, le=1e6)
    gpu_hour: float | None = Field(default=None, ge=0, le=1e6)
    memory_gb_hour: float | None = Field(default=None, ge=0, le=1e6)


class PricesSettings(PriceSettings):
    """The price book.  Without prices everything costs nothing; time and energy are counted all the same."""

    currency: str = Field(default="EUR", min_length=1, max_length=10)
    carbon_g_per_kwh: float = Field(default=0.0, ge=0, le=1e5)
    """Of CO2 for the electricity that the fleet uses."""
    types: dict[str, PriceSettings] = Field(default_factory=dict)
    """By the name of a worker type."""


class BudgetSettings(BaseModel):
    """What a workspace may spend in a month (UTC), in the price book's currency."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    monthly: float = Field(gt=0, le=1e12)
    warn_at: float = Field(default=0.8, gt=0, le=1)
    """The part of it at which a warning is written, once a month."""
    stop: bool = True
    """When it is spent, new jobs of the workspace wait."""
    running: Literal["go_on", "save_and_wait"] = "go_on"
    """What its running jobs do then, with `stop`."""
