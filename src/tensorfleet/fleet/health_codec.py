"""What is known of a worker's machine as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tensorfleet.health.model import Finding, Status
from tensorfleet.health.record import By, Health, Quarantine
from tensorfleet.kit.clock import parse_rfc3339, rfc3339


def health_to_dict(health: Health) -> dict[str, Any]:
    held = health.quarantine
    return {
        "machine": health.machine,
        "status": health.status,
        "checked_at": rfc3339(health.checked_at),
        "findings": [
            {"check": one.check, "status": one.status.value, "sentence": one.sentence}
            for one in health.findings
        ],
        "skipped": list(health.skipped),
        "quarantine": held
        and {
            "since": rfc3339(held.since),
            "by": held.by.value,
            "reason": held.reason,
            "next_check_at": rfc3339(held.next_check_at),
        },
        "strikes": health.strikes,
        "struck_at": rfc3339(health.struck_at),
    }


def health_of(data: Mapping[str, Any]) -> Health:
    held = data["quarantine"]
    return Health(
        data["machine"],
        _instant(data["checked_at"]),
        tuple(Finding(one["check"], Status(one["status"]), one["sentence"]) for one in data["findings"]),
        tuple(data["skipped"]),
        held
        and Quarantine(
            parse_rfc3339(held["since"]), By(held["by"]), held["reason"], _instant(held["next_check_at"])
        ),
        data["strikes"],
        _instant(data["struck_at"]),
    )


def _instant(text: str | None) -> datetime | None:
    return parse_rfc3339(text) if text else None
