"""How webhooks are delivered, and when they are given up."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tensorfleet.kit.units import parse_duration_s

Span = Annotated[float, BeforeValidator(parse_duration_s)]


class WebhooksSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout: Span = Field(default=10.0, ge=0.1, le=60)
    """So long the other side has to answer."""
    retry_first: Span = Field(default=5.0, ge=0.05, le=3600)
    """Until the second try; each further one waits three times as long, up to six hours."""
    give_up: Span = Field(default=3 * 86400.0, ge=1, le=30 * 86400)
    """A message that could not be delivered for so long is dead; it can be sent again by hand."""
    disable: Span = Field(default=5 * 86400.0, ge=1, le=90 * 86400)
    """A webhook that took nothing for so long is turned off."""
    keep: Span = Field(default=30 * 86400.0, ge=3600, le=3660 * 86400)
    """So long finished deliveries can be looked at and sent again."""

    @property
    def kept(self) -> timedelta:
        return timedelta(seconds=self.keep)
