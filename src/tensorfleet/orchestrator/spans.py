"""The orchestrator's part of a job's trace: from its submission until a worker is told to start a rank."""

from __future__ import annotations

import time
from typing import Any

from tensorfleet.jobs.ports import Command
from tensorfleet.kit import tracing
from tensorfleet.kit.tracing import Span


def assigned(order: Command, payload: dict[str, Any]) -> dict[str, Any]:
    """The payload as the agent gets it, with the span of this assignment as what its own is part of."""
    parent = payload.get("traceparent")
    if order.kind != "start" or parent is None or not tracing.enabled():
        return payload
    mine, now = tracing.child_of(parent), time.time()
    first = payload["attempt"] == 1
    about = {
        "tensorfleet.job_id": payload["job_id"],
        "tensorfleet.attempt": payload["attempt"],
        "tensorfleet.rank": int(order.data["rank"]),
        "tensorfleet.worker": order.topic.removeprefix("agent:"),
    }
    start = float(payload["submitted_at"]) if first else now
    tracing.tell(
        Span(
            f"assign {order.data['rank']}",
            mine,
            parent,
            start,
            now,
            "tensorfleet-orchestrator",
            "producer",
            attributes=about,
        )
    )
    return payload | {"traceparent": mine}
