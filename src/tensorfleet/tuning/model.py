"""Studies and trials, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from tensorfleet.jobs.model import JobStatus

KIND = "tune"
"""A study is a job of this kind: it is submitted, listed, followed and cancelled as one, and runs no task itself."""


TUNER_TOPIC = "tuner"
"""Of the outbox: what people ask of studies."""
AGAIN = "again"
"""Of a trial's notes: the number of the failed or cancelled trial that it repeats."""
JOB_ENDS = tuple(f"job.{status.value}" for status in JobStatus if status.ended)
"""The log entries that end a job."""


class TrialState(StrEnum):
    RUNNING = "running"
    """Its job waits or runs."""
    COMPLETED = "completed"
    PRUNED = "pruned"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self is not TrialState.RUNNING


@dataclass(frozen=True)
class Trial:
    """One set of hyperparameters and what became of it.

    Attributes:
        params: by name, only those of the space.
        values: one for each objective, in their order.
        notes: what the sampler has to find again about it.
    """

    study_id: str
    number: int
    job_id: str
    params: dict[str, Any]
    created_at: datetime
    state: TrialState = TrialState.RUNNING
    values: tuple[float, ...] | None = None
    reason: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    finished_at: datetime | None = None


@dataclass(frozen=True)
class TrialJob:
    """What a study sees of a trial's job."""

    job_id: str
    status: JobStatus
    metrics: dict[str, float | None]
    error: dict[str, Any] | None
    reason: str | None
    cancel_requested: bool


def key_of(study_id: str, number: int) -> str:
    """The idempotency key of a trial's job: whoever submits it again gets the same job."""
    return f"{study_id}/{number}"


def best_of(trials: Sequence[Trial], directions: Sequence[str]) -> list[Trial]:
    """The best completed trial (the first of equal ones); with several objectives all that no other one dominates."""
    done = [trial for trial in trials if trial.state is TrialState.COMPLETED and trial.values]
    if len(directions) == 1:
        return sorted(done, key=lambda trial: (_losses(trial, directions), trial.number))[:1]
    losses = {trial.number: _losses(trial, directions) for trial in done}
    return [
        trial
        for trial in done
        if not any(_dominates(losses[other.number], losses[trial.number]) for other in done)
    ]


def _losses(trial: Trial, directions: Sequence[str]) -> tuple[float, ...]:
    signs = [-1.0 if direction == "maximize" else 1.0 for direction in directions]
    return tuple(sign * value for sign, value in zip(signs, trial.values or (), strict=True))


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(mine <= theirs for mine, theirs in zip(one, other, strict=True))
