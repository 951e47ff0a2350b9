"""What people are told: entries of the event log as sentences, and as the bodies that others expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tensorfleet.fleet.model import LOST_EVENT, LOW_DISK_EVENT
from tensorfleet.jobs.model import Event
from tensorfleet.kit.clock import rfc3339

JOB_FAILED = "job.failed"
TEST = "test"
KINDS = (JOB_FAILED, LOST_EVENT, LOW_DISK_EVENT)
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
    if event.kind == JOB_FAILED:
        text = f"Job {job_name or event.job_id} ({event.job_id}) failed: {data.get('reason') or 'no reason is known'}"
        facts = (("name", job_name), ("class", data.get("class")), ("attempt", data.get("attempt")))
    else:
        happened = "is lost" if event.kind == LOST_EVENT else "is low on disk"
        count = int(data.get("jobs") or 0)
        what = f"{count} {'job is' if count == 1 else 'jobs are'} affected"
        text = f"Worker {data.get('name')} ({data.get('worker')}) {happened}: {data.get('why')}; {what}"
        facts = (("worker", data.get("worker")), ("name", data.get("name")), ("jobs", count))
    return Notice(event.id, event.kind, event.at, _one_line(text), event.job_id, facts)


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
