"""What the API answers about the ledger, for its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.kit.answers import Instant
from tensorfleet.ledger.grouping import By

Kinds = Annotated[
    dict[str, float],
    Field(description="by what the time was good for: useful, idle, lost, hung; and their total"),
]


class AmountsRead(TypedDict):
    """What leases held, used and cost."""

    leases: int
    held_s: Kinds
    cpu_s: Kinds
    gpu_s: Kinds
    memory_gb_s: Kinds
    cpu_used_s: float
    energy_j: float | None
    energy_how: str | None
    carbon_g: float | None
    cost: Kinds


class GroupRead(AmountsRead):
    key: str
    name: str | None


class OthersRead(AmountsRead):
    groups: int


_MONEY_HINT = Field(description="where nothing has a price: how to set one")


_From = TypedDict("_From", {"from": Instant})


class LedgerRead(_From):
    """What was held between two instants, in groups."""

    to: Instant
    by: By
    workspace: str | None
    currency: str
    carbon_g_per_kwh: float
    hint: NotRequired[Annotated[str, _MONEY_HINT]]
    items: list[GroupRead]
    others: Annotated[OthersRead | None, Field(description="the sum of the groups beyond limit")]
    total: AmountsRead


class LeaseRead(TypedDict):
    token: int
    worker_id: str
    worker_type: str | None
    granted_at: Instant
    released_at: Instant | None
    cpus: float
    gpus: float
    memory_bytes: float
    idle_s: float | None
    useful_s: float | None
    lost_s: float | None
    hung_s: float | None
    cpu_used_s: float | None
    energy_j: float | None
    energy_how: str | None


class JobLedger(TypedDict):
    """What the leases of one job held, those of a deleted one as well."""

    job_id: str
    currency: str
    carbon_g_per_kwh: float
    hint: NotRequired[Annotated[str, _MONEY_HINT]]
    total: AmountsRead
    leases: list[LeaseRead]


class BudgetRead(TypedDict):
    """How a workspace with a budget stands this month."""

    workspace: str
    month: str
    spent: float
    monthly: float
    share: float
    warn_at: float
    stop: bool
    over: bool
    currency: str
