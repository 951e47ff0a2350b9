"""How long is kept what has ended, for all and for single workspaces."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tensorfleet.kit.units import parse_duration_s

Span = Annotated[float, BeforeValidator(parse_duration_s), Field(ge=3600, le=3660 * 86400)] | None


class RetentionRules(BaseModel):
    """For one workspace: what is left out is as for all, and null means for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    jobs: Span = None
    """Ended jobs, with all that only they have."""
    checkpoints: Span = None
    """Checkpoints of ended jobs; these cannot be resumed or forked from them any more."""
    logs: Span = None
    metrics: Span = None
    """The courses of metrics; the last values stay with the job."""


class RetentionSettings(RetentionRules):
    sessions: Span = 90 * 86400.0
    """Sign-ins that ended so long ago."""
    usage: Span = 7 * 86400.0
    """How busy workers were; in steps of half a minute for the last day, of ten minutes before that."""
    every: Annotated[float, BeforeValidator(parse_duration_s), Field(ge=1, le=7 * 86400)] = 3600.0
    """How often it is looked."""
    workspaces: dict[str, RetentionRules] = Field(default_factory=dict)
