"""Objectives, what was reached of them, and what is left of their error budgets: pure.

Error budgets and burn rates are those of Google's SRE workbook, chapter 5: an objective of 99 % leaves a budget of 1 % of what
happens in the month; a burn rate of 1 uses it up exactly by the month's end, one of 14.4 uses 2 % of it in an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from tensorfleet.sla.counts import WAIT_EDGES_S
from tensorfleet.sla.figures import Api, Jobs, Tally

WINDOWS = {
    "5m": timedelta(minutes=5),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
}
"""Pairs of a long window and a short one, which ends an alert soon after the trouble has ended: 1 h and 5 min, 6 h and 30 min."""
P95 = 0.95
LEAST = 10
"""Of fewer jobs or requests a share says nothing that anybody has to be told."""
ARMED_AT = 0.1
"""So much of the budget has to be left again before its next end is told: what swings around zero is one breach."""


class Name(StrEnum):
    AVAILABILITY = "availability"
    SUBMISSION = "submission"
    JOB_SUCCESS = "job_success"
    QUEUE_WAIT = "queue_wait"


BREACHED_EVENT = "sla.breached"


class Change(StrEnum):
    BREACHED = BREACHED_EVENT
    RESTORED = "sla.restored"


_SETTINGS = (
    ("availability", Name.AVAILABILITY, True),
    ("submission_p95_s", Name.SUBMISSION, False),
    ("job_success", Name.JOB_SUCCESS, True),
    ("queue_wait_p95_s", Name.QUEUE_WAIT, False),
)


_OF_THE_API = (Name.AVAILABILITY, Name.SUBMISSION)


@dataclass(frozen=True)
class Objective:
    """`target`: the share that has to be good, below 1; `limit_s`: within how many seconds, where it is about time."""

    name: Name
    target: float
    limit_s: float | None = None


def parse_objectives(given: Mapping[str, float | None]) -> tuple[Objective, ...]:
    """As settings have them, by name, shares in percent; what is None is not promised."""
    return tuple(
        Objective(name, round(value / 100, 9)) if is_share else Objective(name, P95, value)
        for setting, name, is_share in _SETTINGS
        if (value := given.get(setting)) is not None
    )


@dataclass(frozen=True)
class Standing:
    """How one objective stands in a month.  `to_come`: what is known to be counted yet, as the seconds until the month ends."""

    objective: Objective
    tally: Tally
    to_come: float = 0.0

    @property
    def budget(self) -> float:
        """How much may be bad in the whole month, as far as that is known."""
        return (1 - self.objective.target) * (self.tally.total + self.to_come)

    @property
    def budget_left(self) -> float:
        """The part of the budget that is left; below zero when more than all of it is used."""
        return 1 - self.tally.bad / self.budget if self.budget else 1.0

    @property
    def met(self) -> bool | None:
        """None where nothing was counted."""
        return self.budget_left >= -1e-9 if self.tally.total else None


def burn_rate(objective: Objective, tally: Tally) -> float | None:
    """How many times faster than allowed the budget is used; None where nothing was counted."""
    return tally.bad / tally.total / (1 - objective.target) if tally.total else None


def change_of(told: bool, standing: Standing) -> Change | None:
    """What has to be said now, given whether the breach was told before."""
    if told:
        return Change.RESTORED if standing.budget_left >= ARMED_AT else None
    return Change.BREACHED if standing.met is False and standing.tally.total >= LEAST else None


@dataclass(frozen=True)
class Objectives:
    """What is promised to all, and to the workspaces to which something else is."""

    default: tuple[Objective, ...] = ()
    workspaces: Mapping[str, tuple[Objective, ...]] = field(default_factory=dict)

    def own(self, workspace: str | None) -> tuple[Objective, ...]:
        """Those that say something of a workspace which is not said of all: of the API there is but one."""
        return tuple(
            one
            for one in self.of(workspace)
            if workspace is None or one not in self.default or one.name not in _OF_THE_API
        )

    def of(self, workspace: str | None) -> tuple[Objective, ...]:
        return self.default if workspace is None else self.workspaces.get(workspace, self.default)

    @property
    def edges(self) -> tuple[float, ...]:
        """So that each promised wait is an edge: what is counted there is exact."""
        several = (self.default, *self.workspaces.values())
        limits = {one.limit_s for found in several for one in found if one.name is Name.QUEUE_WAIT}
        return tuple(sorted({*WAIT_EDGES_S, *(limit for limit in limits if limit is not None)}))

    def tally(self, objective: Objective, jobs: Jobs, api: Api) -> Tally:
        limit_s = objective.limit_s or 0.0
        if objective.name is Name.AVAILABILITY:
            return api.uptime
        if objective.name is Name.SUBMISSION:
            return api.submissions(limit_s)
        if objective.name is Name.QUEUE_WAIT:
            return jobs.started_within(limit_s, self.edges)
        return jobs.of_platform
