"""What tuning needs from a metadata store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from tensorfleet.jobs.model import JobStatus, NewEvent
from tensorfleet.tuning.model import Trial, TrialJob


@dataclass(frozen=True)
class Intent:
    """What a person asked of a study: `cancel`, `pause`, `resume` or `retry`."""

    id: int
    study_id: str
    kind: str
    data: dict[str, Any] = field(default_factory=dict)


class TrialStore(Protocol):
    """Trials as rows, and what a study writes about itself.  Each call is one transaction.

    A number is taken once: adding it again raises Conflict.  An end is written once: what has ended stays as it is.
    """

    def trials(self, study_id: str) -> list[Trial]: ...
    def jobs_of(self, job_ids: Sequence[str]) -> dict[str, TrialJob]: ...
    def active(self) -> list[str]: ...
    def add(self, trials: Sequence[Trial]) -> None: ...
    def finish(
        self,
        study_id: str,
        trials: Sequence[Trial],
        progress: float,
        metrics: dict[str, Any],
        events: Sequence[NewEvent],
    ) -> None: ...
    def set_status(
        self,
        study_id: str,
        status: JobStatus,
        now: datetime,
        events: Sequence[NewEvent],
        reason: str | None = None,
        result: dict[str, Any] | None = None,
    ) -> bool: ...
    def reopen(
        self,
        study_id: str,
        now: datetime,
        inputs: dict[str, Any],
        trials: Sequence[Trial],
        events: Sequence[NewEvent],
    ) -> bool: ...
    def open_intents(self) -> list[Intent]: ...
    def close_intent(self, intent_id: int, now: datetime) -> None: ...
