"""What is removed when, and what is kept all the same.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

KEEP_LABEL, KEEP = "retention", "keep"


class Kind(StrEnum):
    JOBS = "jobs"
    CHECKPOINTS = "checkpoints"
    LOGS = "logs"
    METRICS = "metrics"


ENTRIES: Mapping[Kind, str] = {Kind.CHECKPOINTS: "checkpoint", Kind.LOGS: "log", Kind.METRICS: "metrics"}
"""The entries of the event log that a kind is about."""
Spans = Mapping[Kind, timedelta | None]


@dataclass(frozen=True)
class Rules:
    """How long each kind is kept; None for ever."""

    default: Spans
    workspaces: Mapping[str, Spans] = field(default_factory=dict)

    def span(self, kind: Kind, workspace: str) -> timedelta | None:
        return self.workspaces.get(workspace, self.default).get(kind)

    def shortest(self, kind: Kind) -> timedelta | None:
        spans = [spans.get(kind) for spans in (self.default, *self.workspaces.values())]
        return min((span for span in spans if span is not None), default=None)


@dataclass(frozen=True)
class Ended:
    """A job that has ended, as far as it matters here."""

    id: str
    name: str
    workspace: str
    finished_at: datetime
    labels: Mapping[str, object]
    study_id: str | None


@dataclass(frozen=True)
class Item:
    """What is removed in one piece, and the room that it takes."""

    kind: Kind
    job: Ended
    bytes: int


@dataclass(frozen=True)
class Kept:
    """What is old enough, and stays."""

    kind: Kind
    job: Ended
    why: str


@dataclass(frozen=True)
class Plan:
    remove: tuple[Item, ...]
    keep: tuple[Kept, ...]
    more: bool = False
    """There is more than one look takes."""


def is_due(job: Ended, kind: Kind, rules: Rules, now: datetime) -> bool:
    span = rules.span(kind, job.workspace)
    return span is not None and job.finished_at < now - span


def why_kept(job: Ended, kind: Kind, *, registered: bool, in_study: bool) -> str | None:
    """What speaks against removing it, in spite of its age."""
    if str(job.labels.get(KEEP_LABEL)) == KEEP:
        return f"it has the label {KEEP_LABEL}={KEEP}"
    if kind is not Kind.JOBS:
        return None
    if registered:
        return "a registered model is made of it"
    return f"it is a trial of study {job.study_id}, which is kept" if in_study else None
