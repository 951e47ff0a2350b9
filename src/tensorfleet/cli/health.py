"""How the health of a worker's machine looks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tensorfleet.cli.output import ago
from tensorfleet.errors import Unavailable

if TYPE_CHECKING:
    from tensorfleet.sdk.client import Client

LIMIT_S = 90.0
LOOK_S = 0.2


def health_pairs(worker: dict[str, Any]) -> list[tuple[str, str]]:
    """What `workers show` and `workers check` say of it."""
    health = worker.get("health")
    if not health:
        return [("health", "not looked at yet")]
    return list(_pairs(health))


def _pairs(health: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if held := health["quarantine"]:
        yield "quarantine", f"since {ago(held['since'])}, by {_BY[held['by']]}: {held['reason']}"
        if held["next_check_at"]:
            yield "looked at again", held["next_check_at"]
    yield (
        "health",
        f"{health['status']}, {ago(health['checked_at']) if health['checked_at'] else 'never looked at'}",
    )
    for one in health["findings"]:
        yield one["check"], f"{one['status']}: {one['sentence']}"
    for one in health["skipped"]:
        name, _, why = one.partition(": ")
        yield name, f"skipped: {why}"


_BY = {"check": "a check", "failures": "the failures of its jobs", "operator": "a person"}


def checked(client: Client, worker_id: str) -> dict[str, Any]:
    """Has the machine looked at, and waits for what comes of it.

    Raises:
        Unavailable: that took too long.
    """
    before = (client.workers.check(worker_id).get("health") or {}).get("checked_at")
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        worker = client.workers.get(worker_id)
        if (worker.get("health") or {}).get("checked_at") != before:
            return worker
        time.sleep(LOOK_S)
    raise Unavailable(
        f"the machine of worker {worker_id} was not looked at within {LIMIT_S:g} s; is the orchestrator running?"
    )
