"""The smallest change that would start a waiting job now.  Each candidate is tried on the scheduler before it is suggested."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from tensorfleet.scheduling.changes import apply, helps, waiting_job
from tensorfleet.scheduling.model import Change, ChangeKind, Snapshot, WaitCode
from tensorfleet.scheduling.remedies import (
    REMEDIES,
    Question,
    add_workers,
    lower_workers,
    raise_budget,
    raise_priority,
    raise_quota,
    wait,
)
from tensorfleet.scheduling.scheduler import OF_QUOTA, Cause, Pass

WORK = 100_000
"""Candidates times waiting jobs: how long is searched."""
LEAST_TRIES = 8
MOST_JOBS = 1000

_FIRST = {
    WaitCode.NO_WORKERS: ChangeKind.UNDRAIN,
    WaitCode.LOW_DISK: ChangeKind.FREE_DISK,
    WaitCode.QUARANTINE: ChangeKind.RELEASE,
    WaitCode.FAIR_SHARE: ChangeKind.RAISE_PRIORITY,
    WaitCode.BEHIND_OTHERS: ChangeKind.RAISE_PRIORITY,
}
"""What answers the reason most directly is tried first."""


def smallest_change(snapshot: Snapshot, job_id: str, code: WaitCode | None = None) -> Change | None:
    """None if it starts anyway, or if nothing that was tried helps.

    Args:
        code: why it waits; changes that answer this are preferred.
    """
    run = Pass(snapshot)
    refusal = run.until(job_id)
    if refusal is None:
        return None
    question = Question(snapshot, waiting_job(snapshot, job_id), run, refusal)
    if refusal.cause is Cause.BACKING_OFF:
        return _and_more(wait(question), question)
    if refusal.cause is Cause.OVER_BUDGET:
        return _and_more(raise_budget(question), question)
    if refusal.cause in OF_QUOTA:
        within = (*lower_workers(question), *raise_quota(question))
        found = next((change for change in within if helps(change, snapshot, job_id)), None)
        return found or _and_more(within[-1], question)
    return _single(question, code) or _at_the_front(question) or _with_workers(question)


def _single(question: Question, code: WaitCode | None = None) -> Change | None:
    """The first that helps, of as many as a long queue leaves time for."""
    first = _FIRST.get(code) if code is not None else None
    kinds = sorted(REMEDIES, key=lambda kind: kind is not first)
    candidates = (change for kind in kinds for change in REMEDIES[kind](question))
    most = max(LEAST_TRIES, WORK // len(question.snapshot.queue))
    tried = islice(candidates, most)
    return next((change for change in tried if helps(change, question.snapshot, question.job.id)), None)


def _at_the_front(question: Question) -> Change | None:
    """The highest priority, and what is needed then."""
    raised = list(raise_priority(question))
    if not raised:
        return None
    highest = raised[-1]
    after = apply(highest, question.snapshot, question.job.id)
    run = Pass(after)
    refusal = run.until(question.job.id)
    if refusal is None:
        return highest
    more = _single(Question(after, waiting_job(after, question.job.id), run, refusal))
    return _joined(highest, more) if more is not None else None


def _with_workers(question: Question) -> Change | None:
    if len(question.snapshot.queue) > MOST_JOBS:
        return None  # hundreds of new workers are no advice
    return next((_and_more(change, question) for change in add_workers(question)), None)


def _and_more(change: Change, question: Question) -> Change:
    """The change, and what else is needed after it."""
    more = smallest_change(apply(change, question.snapshot, question.job.id), question.job.id)
    return _joined(change, more) if more is not None else change


def _joined(change: Change, more: Change) -> Change:
    return replace(change, sentence=f"{change.sentence}, and {more.sentence}", and_then=more)
