"""Quotas on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from tensorfleet.kit.written import AsSize
from tensorfleet.quotas.model import Limits, Used

_MOST = 10**9
_MOST_BYTES = 2**60
Count = Annotated[int, Field(ge=0, le=_MOST, strict=True)]
Amount = Annotated[float, Field(ge=0, le=_MOST, allow_inf_nan=False, strict=True)]
Size = Annotated[int, AsSize, Field(ge=0, le=_MOST_BYTES)]


class QuotaBody(BaseModel):
    """What a workspace may take; what is left out, or null, is not limited."""

    model_config = ConfigDict(extra="forbid")

    slots: Count | None = Field(default=None, description="ranks that run at a time")
    cpus: Amount | None = Field(default=None, description="of all that runs at a time")
    gpus: Amount | None = Field(default=None, description="of all that runs at a time")
    memory_bytes: Size | None = Field(
        default=None, description="that jobs ask for; of all that runs at a time"
    )
    weight: float = Field(
        default=1.0, gt=0, le=1e6, allow_inf_nan=False, strict=True, description="in sharing a full fleet"
    )
    queued_jobs: Count | None = Field(default=None, description="that wait at a time")
    jobs_per_day: Count | None = Field(default=None, description="submitted within 24 hours, without trials")
    dataset_bytes: Size | None = Field(default=None, description="of all versions of all datasets")

    def limits(self) -> Limits:
        return Limits(**self.model_dump())


class LimitsRead(TypedDict):
    """null: not limited."""

    slots: int | None
    cpus: float | None
    gpus: float | None
    memory_bytes: int | None
    weight: float
    queued_jobs: int | None
    jobs_per_day: int | None
    dataset_bytes: int | None


class UsedRead(TypedDict):
    """What the workspace takes now."""

    slots: int
    cpus: float
    gpus: float
    memory_bytes: int
    queued_jobs: int
    jobs_per_day: int
    dataset_bytes: int


class QuotaRead(TypedDict):
    """The quota of a workspace, and what is used of it."""

    workspace: str
    source: Annotated[str, Field(description="who set it: api, settings or none")]
    limits: LimitsRead
    used: UsedRead


def quota_to_dict(workspace: str, limits: Limits, source: str, used: Used) -> dict[str, Any]:
    return {"workspace": workspace, "source": source, "limits": limits.to_dict(), "used": used.to_dict()}
