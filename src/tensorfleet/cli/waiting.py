"""Why a job waits, as `jobs why` and `plan` tell it."""

from __future__ import annotations

from typing import Any

MOST_HOLDERS = 5


def told(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """The answer of `GET /jobs/{id}/why` or `POST /plan` as titles and texts."""
    from tensorfleet.cli.output import ahead

    evidence = answer.get("evidence") or {}
    return [
        ("why", str(answer.get("reason") or "")),
        ("what would help", str(answer.get("suggestion") or "")),
        ("expected start", ahead(answer.get("expected_start"))),
        ("start unknown", str(answer.get("expected_start_unknown") or "")),
        ("jobs before it", str(evidence.get("ahead_in_queue") or "")),
        ("running now", _holders(evidence)),
        ("class", str(evidence.get("class") or "")),
        ("last hang", str((answer.get("last_hang") or {}).get("message") or "")),
    ]


def _holders(evidence: dict[str, Any]) -> str:
    holders = evidence.get("holders") or []
    shown = [f"{holder['job_id']} on {', '.join(holder['ranks'])}" for holder in holders[:MOST_HOLDERS]]
    more = len(holders) - len(shown) + int(evidence.get("holders_not_listed") or 0)
    return "; ".join([*shown, f"and {more} more"] if more else shown)
