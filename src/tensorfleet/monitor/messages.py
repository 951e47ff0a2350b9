"""What people are told: entries of the event log as sentences, and as the bodies that others expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tensorfleet.fleet.model import LOST_EVENT, LOW_DISK_EVENT, QUARANTINED_EVENT
from tensorfleet.jobs.model import Event
from tensorfleet.kit.clock import rfc3339
from tensorfleet.ledger.budgets import SPENT_EVENT, WARNED_EVENT
from tensorfleet.sla.model import BREACHED_EVENT
from tensorfleet.webhooks.model import DISABLED_EVENT

JOB_FAILED = "job.failed"
TEST = "test"
ABOUT_SPENDING = (WARNED_EVENT, SPENT_EVENT)
ABOUT_PROMISES = (BREACHED_EVENT,)
KINDS = (
    JOB_FAILED, LOST_EVENT, LOW_DISK_EVENT, QUARANTINED_EVENT, *ABOUT_PROMISES, *ABOUT_SPENDING, DISABLED_EVENT
)  # fmt: skip
_FACTS = {
    **dict.fromkeys(ABOUT_PROMISES, ("workspace", "month", "objective", "target", "reached", "budget_left")),
    DISABLED_EVENT: ("workspace", "webhook_id"),
    **dict.fromkeys(ABOUT_SPENDING, ("workspace", "month", "spent", "monthly", "currency")),
}
"""Of entries that bring their sentence with them."""
_MOST_CHARACTERS = 500
_SLACK_LIMIT = 3000


@dataclass(frozen=True)
class Notice:
    """One thing that happened, with a sentence about it."""

    id: int
    kind: str
    at: datetime
    text: str
    job_id: str | None = None
    facts: tuple[tuple[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        about = {"id": self.id, "kind": self.kind, "at": rfc3339(self.at), "text": self.text}
        return about | {"job_id": self.job_id} | dict(self.facts)


def notice_of(event: Event, job_name: str | None) -> Notice:
    data = event.data
    facts: tuple[tuple[str, Any], ...]
    if event.kind == JOB_FAILED:
        text = f"Job {job_name or event.job_id} ({event.job_id}) failed: {data.get('reason') or 'no reason is known'}"
        facts = (("name", job_name), ("class", data.get("class")), ("attempt", data.get("attempt")))
    elif event.kind in _FACTS:
        sentence = str(data.get("message"))
        text = f"{sentence[:1].upper()}{sentence[1:]}"
        facts = tuple((name, data.get(name)) for name in _FACTS[event.kind])
    else:
        count = int(data.get("jobs") or 0)
        text = f"Worker {data.get('name')} ({data.get('worker')}) {_happened(event, count)}"
        facts = (("worker", data.get("worker")), ("name", data.get("name")), ("jobs", count))
    return Notice(event.id, event.kind, event.at, _one_line(text), event.job_id, facts)


def _happened(event: Event, jobs: int) -> str:
    why = event.data.get("why")
    if event.kind == QUARANTINED_EVENT:
        others = int(event.data.get("count") or 1) - 1
        who = f"and {others} more of its machine are" if others else "is"
        return f"{who} in quarantine: {why}; {jobs} {'job goes' if jobs == 1 else 'jobs go'} on there"
    happened = "is lost" if event.kind == LOST_EVENT else "is low on disk"
    return f"{happened}: {why}; {jobs} {'job is' if jobs == 1 else 'jobs are'} affected"


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _MOST_CHARACTERS else f"{flat[: _MOST_CHARACTERS - 1]}…"


def subject(notices: Sequence[Notice]) -> str:
    first = notices[0].text[:120]
    return first if len(notices) == 1 else f"{first} (and {len(notices) - 1} more)"


def webhook_body(notices: Sequence[Notice]) -> dict[str, Any]:
    return {"source": "tensorfleet", "events": [notice.to_dict() for notice in notices]}


def slack_body(notices: Sequence[Notice]) -> dict[str, Any]:
    """As Slack's incoming webhooks take it, and those who understand them.  What jobs are named by cannot call anybody."""
    lines = "\n".join(notice.text for notice in notices)[:_SLACK_LIMIT]
    escaped = lines.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": escaped}


def mail_text(notices: Sequence[Notice]) -> str:
    return "\n".join(f"{rfc3339(notice.at)}  {notice.text}" for notice in notices) + "\n"
