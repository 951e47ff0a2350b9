"""What the platform promises: objectives, and how their keeping is measured."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator


class ObjectiveSettings(BaseModel):
    """For one workspace: what is left out is as for all, and null means that nothing is promised."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    availability: float | None = Field(default=None, gt=0, lt=100)
    """Percent of the month in which the API answers."""
    submission_p95_s: float | None = Field(default=None, gt=0, le=3600)
    """95 % of submissions are answered within so many seconds."""
    job_success: float | None = Field(default=None, gt=0, lt=100)
    """Percent of the jobs that do not fail by the platform's fault."""
    queue_wait_p95_s: float | None = Field(default=None, gt=0, le=31 * 86400)
    """95 % of the jobs start within so many seconds."""


class SlaSettings(ObjectiveSettings):
    """For all together, with what measuring needs."""

    availability: float | None = Field(default=99.5, gt=0, lt=100)
    submission_p95_s: float | None = Field(default=0.5, gt=0, le=3600)
    job_success: float | None = Field(default=99.0, gt=0, lt=100)
    workspaces: dict[str, ObjectiveSettings] = Field(default_factory=dict)
    """By workspace, where something else is promised."""
    url: str = ""
    """Where the orchestrator asks whether the API answers; that of this home when empty."""
    every_s: float = Field(default=15.0, ge=0.5, le=60)
    """How often it asks, and how often gateways write what they counted; objectives are looked at at every fourth time."""
    keep_days: int = Field(default=400, ge=62)
    """What was measured is kept for so long."""

    @field_validator("url")
    @classmethod
    def _is_web(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
            good = good and parts.port != 0
        except ValueError:
            good = False
        if url and not good:
            raise ValueError("has to be an address like http://gateway:8080, without user and password")
        return url
