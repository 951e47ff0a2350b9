"""What the audit log records, and for how long."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AuditSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reads: bool = True
    """Downloads and other ways out for data are recorded too, not only changes."""
    retention_days: int | None = Field(default=None, ge=1, le=36_500)
    """Older entries are dropped; none if left out."""
