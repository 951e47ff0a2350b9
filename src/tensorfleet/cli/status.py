"""`tensorfleet status`."""

from __future__ import annotations

from typing import Any

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson


def status(as_json: AsJson = False) -> None:
    """Say whether the platform runs, and what it is doing."""
    from tensorfleet.cli.output import emit_json, print_pairs

    with session.connect() as client:
        health = client.health()
        workers = client.workers.list()
        jobs = {
            name: len(client.jobs.list(status=name, limit=1000)) for name in ("running", "queued", "paused")
        }
    if as_json:
        emit_json({"url": client.url, **health, "jobs": jobs, "workers": workers})
        return
    online = [worker for worker in workers if worker["state"] == "online"]
    slots = sum(int(worker["slots"]) for worker in online)
    busy = sum(int(worker["busy"]) for worker in online)
    pairs = [
        ("status", str(health["status"])),
        *(pair for name, part in (health.get("parts") or {}).items() for pair in _part(name, part)),
        (
            "fleet",
            f"{len(online)} worker{'' if len(online) == 1 else 's'} online, {busy} of {slots} slots busy",
        ),
        ("jobs", ", ".join(f"{count} {name}" for name, count in jobs.items())),
    ]
    print_pairs(f"TensorFleet at {client.url}", pairs)


def _part(name: str, part: Any) -> list[tuple[str, str]]:
    """`away since 10:02: MLflow does not answer ...`, and below it what that means."""
    if not isinstance(part, dict):
        return [(name, str(part))]
    status = str(part.get("status", ""))
    if status == "ok":
        return [(name, status)]
    since = f" since {_clock(part['since'])}" if part.get("since") else ""
    detail = part.get("detail") or part.get("reason")
    return [
        (name, f"{status}{since}" + (f": {detail}" if detail else "")),
        ("", str(part.get("meaning") or "")),
    ]


def _clock(instant: str) -> str:
    """Today's time of day, or the date too when it was another day."""
    from datetime import datetime

    at = datetime.fromisoformat(instant).astimezone()
    today = datetime.now().astimezone().date()
    return f"{at:%H:%M}" if at.date() == today else f"{at:%Y-%m-%d %H:%M}"
