"""What a study does next: a pure decision on its trials so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tensorfleet.jobs.model import JobStatus
from tensorfleet.tuning.model import AGAIN, Trial, TrialState
from tensorfleet.tuning.population import Rules, dead_generation, openings

HOPELESS = 5
"""When the first so many trials have all failed, the rest would fail too."""


@dataclass(frozen=True)
class Plan:
    """What a study is to do: so many trials at most, so many at a time, until then."""

    trials: int
    parallel: int
    ends_at: datetime | None = None
    population: Rules | None = None


@dataclass(frozen=True)
class End:
    """The study is over."""

    status: JobStatus
    reason: str | None = None


@dataclass(frozen=True)
class Next:
    """`ask` new trials; or the end, with `stop` for those that still run."""

    ask: int = 0
    end: End | None = None
    stop: bool = False


def decide(plan: Plan, trials: Sequence[Trial], now: datetime) -> Next:
    """For a study that runs."""
    running = sum(trial.state is TrialState.RUNNING for trial in trials)
    ended = [trial for trial in trials if trial.state.ended]
    if _is_hopeless(trials):
        reason = f"the first {HOPELESS} trials all failed, the last one with: {_last_reason(ended)}"
        return Next(end=End(JobStatus.FAILED, reason), stop=True)
    late = plan.ends_at is not None and now >= plan.ends_at
    left = 0 if late else _left(plan, trials)
    if left > 0:
        return Next(ask=max(0, min(left, plan.parallel - running)))
    if running:
        return Next()
    dead = None if plan.population is None else dead_generation(plan.population, trials)
    if dead:
        reason = f"no member of generation {dead} completed; the last one said: {_last_reason(ended)}"
        return Next(end=End(JobStatus.FAILED, reason))
    if any(trial.state is TrialState.COMPLETED for trial in ended):
        return Next(end=End(JobStatus.COMPLETED))
    return Next(end=End(JobStatus.FAILED, _why_none(ended)))


def _left(plan: Plan, trials: Sequence[Trial]) -> int:
    """How many trials may be asked for, were there room for all."""
    if plan.population is not None:
        return len(openings(plan.population, trials))
    return plan.trials - len(trials)


def _is_hopeless(trials: Sequence[Trial]) -> bool:
    repeated = {trial.notes.get(AGAIN) for trial in trials}
    first = [trial for trial in trials if trial.state.ended and trial.number not in repeated][:HOPELESS]
    return len(first) == HOPELESS and all(trial.state is TrialState.FAILED for trial in first)


def _why_none(ended: Sequence[Trial]) -> str:
    if not ended:
        return "the time was over before a trial began"
    failed = [trial for trial in ended if trial.state is TrialState.FAILED]
    if not failed:
        return f"none of {len(ended)} trials completed"
    return f"none of {len(ended)} trials completed; the last that failed said: {_last_reason(failed)}"


def _last_reason(trials: Sequence[Trial]) -> str:
    return next((trial.reason for trial in reversed(trials) if trial.reason), "no reason was given")
