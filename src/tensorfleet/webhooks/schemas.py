"""What goes over the wire about webhooks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from typing_extensions import TypedDict

from tensorfleet.kit.answers import Instant
from tensorfleet.kit.clock import rfc3339
from tensorfleet.webhooks.model import TYPES, Answer, Delivery, Webhook

Url = Annotated[str, StringConstraints(min_length=8, max_length=2000)]
EventType = Literal[
    "job.submitted", "job.started", "job.requeued", "job.paused", "job.resumed", "job.completed", "job.failed",
    "job.cancelled", "study.completed", "study.failed", "study.cancelled", "model.registered", "model.alias_moved",
    "budget.warned", "budget.spent", "sla.breached", "webhook.disabled", "worker.lost", "worker.low_disk",
    "worker.quarantined",
]  # fmt: skip
Events = Annotated[list[EventType], Field(min_length=1, max_length=len(TYPES))]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Labels = Annotated[dict[Label, Annotated[str, StringConstraints(max_length=200)]], Field(max_length=20)]
Description = Annotated[str, StringConstraints(max_length=500)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewWebhook(Strict):
    url: Url
    events: Events
    labels: Labels = Field(default_factory=dict, description="only of jobs that have all of these")
    description: Description | None = None


class WebhookChange(Strict):
    """What is left out stays as it is."""

    url: Url | None = None
    events: Events | None = None
    labels: Labels | None = None
    description: Description | None = None
    enabled: bool | None = Field(default=None, description="what happened while it was off is not told")


class Rotation(Strict):
    overlap_s: Annotated[
        int, Field(ge=0, le=30 * 86400, strict=True, description="so long the old secret signs, too")
    ] = 86400


class WebhookRead(TypedDict):
    webhook_id: str
    workspace: str
    url: str
    events: list[str]
    labels: dict[str, str]
    description: str | None
    enabled: bool
    disabled_at: Instant | None
    disabled_why: str | None
    failing_since: Annotated[Instant | None, Field(description="nothing was delivered since, although tried")]
    old_secret_until: Annotated[Instant | None, Field(description="the former secret signs, too, until then")]
    created_at: Instant


class WebhookWithSecret(WebhookRead):
    secret: Annotated[str, Field(description="signs the messages; it is not shown again")]


class DeliveryRead(TypedDict):
    delivery_id: Annotated[str, Field(description="the message's webhook-id, the same in each try")]
    type: str
    state: Annotated[str, Field(description="waiting, delivered or dead")]
    attempts: int
    status: Annotated[int | None, Field(description="what the last try was answered with")]
    error: str | None
    queued_at: Instant
    next_try_at: Instant | None
    finished_at: Instant | None


class TriedRead(TypedDict):
    delivered: bool
    status: int | None
    error: str | None


def webhook_to_dict(hook: Webhook, url: str) -> dict[str, Any]:
    return {
        "webhook_id": hook.id,
        "workspace": hook.workspace,
        "url": url,
        "events": list(hook.events),
        "labels": dict(hook.labels),
        "description": hook.description,
        "enabled": hook.disabled_at is None,
        "disabled_at": rfc3339(hook.disabled_at),
        "disabled_why": hook.disabled_why,
        "failing_since": rfc3339(hook.failing_since),
        "old_secret_until": rfc3339(hook.old_until),
        "created_at": rfc3339(hook.created_at),
    }


def delivery_to_dict(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": delivery.id,
        "type": delivery.type,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "status": delivery.status,
        "error": delivery.error,
        "queued_at": rfc3339(delivery.created_at),
        "next_try_at": rfc3339(delivery.next_try_at),
        "finished_at": rfc3339(delivery.finished_at),
    }


def answer_to_dict(answer: Answer) -> dict[str, Any]:
    return {"delivered": answer.ok, "status": answer.status, "error": answer.error}
