"""Subscriptions, what they are told, and when it is tried again.  Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from tensorfleet.fleet.model import LOST_EVENT, LOW_DISK_EVENT, QUARANTINED_EVENT
from tensorfleet.jobs.model import Event
from tensorfleet.kit.clock import rfc3339
from tensorfleet.ledger.budgets import SPENT_EVENT, WARNED_EVENT
from tensorfleet.registry.model import ALIAS_MOVED_EVENT, REGISTERED_EVENT
from tensorfleet.sla.model import BREACHED_EVENT

DISABLED_EVENT = "webhook.disabled"
TEST = "webhook.test"
STUDY = "tune"
_OF_JOBS = ("submitted", "started", "requeued", "paused", "resumed", "completed", "failed", "cancelled")
_OF_STUDIES = ("completed", "failed", "cancelled")
JOB_EVENTS = tuple(f"job.{one}" for one in _OF_JOBS)
STUDY_EVENTS = tuple(f"study.{one}" for one in _OF_STUDIES)
OF_WORKSPACES = (
    REGISTERED_EVENT,
    ALIAS_MOVED_EVENT,
    WARNED_EVENT,
    SPENT_EVENT,
    BREACHED_EVENT,
    DISABLED_EVENT,
)
OF_THE_FLEET = (LOST_EVENT, LOW_DISK_EVENT, QUARANTINED_EVENT)
LOGGED = (*JOB_EVENTS, *OF_WORKSPACES, *OF_THE_FLEET)
"""The entries of the event log that a webhook may be told of."""
TYPES = (*JOB_EVENTS, *STUDY_EVENTS, *OF_WORKSPACES, *OF_THE_FLEET)
_FACTS: Mapping[str, tuple[str, ...]] = {
    "job.": ("attempt", "reason", "class", "workers"),
    "model.": ("name", "version", "alias", "before", "job_id"),
    "budget.": ("month", "spent", "monthly", "currency", "message"),
    "sla.": ("month", "objective", "target", "reached", "budget_left", "message"),
    "worker.": ("worker", "name", "why", "jobs", "count"),
    "webhook.": ("webhook_id", "message"),
}
"""What is told of an entry, by the beginning of its kind: a name that is not here stays here."""
_MOST_CHARACTERS = 1000
_LONGEST_WAIT_S = 6 * 3600.0


class State(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True)
class Webhook:
    """One subscription.

    Attributes:
        events: which of `TYPES`.
        labels: only of jobs that have all of these.
        after: entries of the event log up to this one are not told.
        secret, old_secret: sealed; both sign until `old_until`.
        failing_since: since when nothing was delivered, although it was tried.
    """

    id: str
    workspace: str
    url: str
    events: tuple[str, ...]
    created_at: datetime
    after: int
    secret: str
    labels: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None
    old_secret: str | None = None
    old_until: datetime | None = None
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_why: str | None = None


@dataclass(frozen=True)
class Delivery:
    """One message to one subscription, until it is delivered or given up."""

    id: str
    webhook_id: str
    type: str
    body: str
    created_at: datetime
    state: State = State.WAITING
    attempts: int = 0
    next_try_at: datetime | None = None
    finished_at: datetime | None = None
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True)
class JobFacts:
    """What a message says of a job beside the event."""

    id: str
    name: str
    workspace: str
    kind: str
    labels: Mapping[str, Any]
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class Policy:
    """When is tried again, and when no more."""

    first_s: float = 5.0
    give_up: timedelta = timedelta(days=3)
    disable: timedelta = timedelta(days=5)


@dataclass(frozen=True)
class Answer:
    """What became of one try: a status, or why there was none; `wait_s` is what the other side asked for."""

    status: int | None = None
    error: str | None = None
    wait_s: float | None = None

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whoever answers so wants nothing any more."""
        return self.status == 410


def job_of(event: Event) -> str | None:
    """The job that an entry is about, also where it is not one of the job's own: labels are looked up there."""
    found = event.job_id or event.data.get("job_id")
    return str(found) if found else None


def type_of(event: Event, job: JobFacts | None) -> str | None:
    """What the entry is called in messages; None if it is of a job that is not there any more."""
    if event.job_id is None:
        return event.kind
    if job is None:
        return None
    study = f"study.{event.kind.removeprefix('job.')}"
    return study if job.kind == STUDY and study in STUDY_EVENTS else event.kind


def wants(hook: Webhook, event: Event, job: JobFacts | None) -> bool:
    """Whether the subscription is told of this entry."""
    kind = type_of(event, job)
    if kind not in hook.events or event.id <= hook.after or hook.disabled_at is not None:
        return False
    if kind not in OF_THE_FLEET:
        where = job.workspace if job is not None and event.job_id else event.data.get("workspace")
        if where != hook.workspace:
            return False
    labels = job.labels if job is not None else {}
    return all(str(labels.get(name)) == value for name, value in hook.labels.items())


def message_of(event: Event, job: JobFacts | None) -> str:
    """The body: `type`, `timestamp` and `data`, as the specification proposes."""
    kind = type_of(event, job) or event.kind
    names = _FACTS[f"{event.kind.partition('.')[0]}."]
    data = {name: _short(event.data[name]) for name in names if event.data.get(name) is not None}
    if job is not None and event.job_id is not None:
        data = {
            "job_id": job.id, "name": job.name, "workspace": job.workspace, "kind": job.kind, "labels": dict(job.labels),
        } | data  # fmt: skip
        if event.kind == "job.completed":
            data["metrics"] = dict(job.metrics)
    elif event.data.get("workspace") is not None:
        data["workspace"] = event.data["workspace"]
    return written(kind, event.at, data)


def written(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "timestamp": rfc3339(at), "data": data}, separators=(",", ":"))


def _short(value: Any) -> Any:
    return value[:_MOST_CHARACTERS] if isinstance(value, str) else value


def delivery_id(hook: Webhook, event: Event) -> str:
    """The same whenever it is worked out: an entry that is read twice is told once."""
    return f"{hook.id}-{event.id}"


def wait_after(attempts: int, chance: float, policy: Policy, asked_s: float | None = None) -> timedelta:
    """Until the next try after so many; each waits three times as long, a fifth more or less (`chance` in [0, 1))."""
    own_s = min(_LONGEST_WAIT_S, policy.first_s * 3.0 ** min(attempts - 1, 20)) * (0.8 + 0.4 * chance)
    return timedelta(seconds=max(own_s, min(asked_s or 0.0, _LONGEST_WAIT_S)))


@dataclass(frozen=True)
class Verdict:
    """What follows from a try; `disable` says why the subscription is turned off, if it is."""

    delivery: dict[str, Any]
    hook: dict[str, Any]
    disable: str | None = None


def judge(
    delivery: Delivery, hook: Webhook, answer: Answer, now: datetime, chance: float, policy: Policy
) -> Verdict:
    """What one try comes to, as values for the two rows."""
    tried: dict[str, Any] = {
        "attempts": delivery.attempts + 1, "status": answer.status, "error": answer.error
    }  # fmt: skip
    if answer.ok:
        done = tried | {"state": State.DELIVERED, "finished_at": now, "next_try_at": None}
        return Verdict(done, {"failing_since": None} if hook.failing_since is not None else {})
    since = hook.failing_since or now
    failing = {"failing_since": since} if hook.failing_since is None else {}
    if answer.gone:
        return Verdict(tried | _dead(now), failing, "it answered 410, which says that it is gone")
    if now - since >= policy.disable:
        days = policy.disable / timedelta(days=1)
        return Verdict(tried | _dead(now), failing, f"nothing could be delivered for {days:g} days")
    wait = wait_after(delivery.attempts + 1, chance, policy, answer.wait_s)
    if now + wait - delivery.created_at > policy.give_up:
        return Verdict(tried | _dead(now), failing)
    return Verdict(tried | {"next_try_at": now + wait}, failing)


def _dead(now: datetime) -> dict[str, Any]:
    return {"state": State.DEAD, "finished_at": now, "next_try_at": None}
