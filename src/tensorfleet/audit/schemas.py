"""Entries and verdicts as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from tensorfleet.audit.model import Entry, Verdict
from tensorfleet.kit.clock import rfc3339

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def entry_to_dict(entry: Entry) -> dict[str, Any]:
    draft = entry.draft
    shown = {
        "seq": entry.seq,
        **asdict(draft),
        "at": _instant(draft.at),
        "before": _value(draft.before),
        "after": _value(draft.after),
        "hash": entry.hash,
    }
    del shown["personal"]
    return shown


def verdict_to_dict(verdict: Verdict) -> dict[str, Any]:
    return {
        "ok": verdict.ok,
        "entries": verdict.entries,
        "first": verdict.first,
        "last": verdict.last.seq if verdict.last is not None else None,
        "anchored": verdict.anchored,
        "problem": asdict(verdict.problem) if verdict.problem is not None else None,
    }


def _instant(us: int) -> str | None:
    try:
        return rfc3339(_EPOCH + timedelta(microseconds=us))
    except OverflowError:
        return None  # as `_value`


def _value(text: str | None) -> Any:
    """What somebody has changed in the database need not be JSON."""
    try:
        return json.loads(text) if text is not None else None
    except ValueError:
        return text
