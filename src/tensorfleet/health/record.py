"""What is known of a worker's machine, as it is stored with the worker, and what each verdict makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tensorfleet.health.model import Finding, Pace, Status, Verdict


class By(StrEnum):
    """What has put a worker into quarantine; a person's lasts until a person ends it."""

    CHECK = "check"
    FAILURES = "failures"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Quarantine:
    """`next_check_at`: it is looked at again then, and released if all is well."""

    since: datetime
    by: By
    reason: str
    next_check_at: datetime | None = None


@dataclass(frozen=True)
class Health:
    """Of one worker.

    Attributes:
        machine: the one that it was found on; what is known of another machine says nothing of this one.
        strikes: failures in a row, which make the intervals between looks longer.
    """

    machine: str = ""
    checked_at: datetime | None = None
    findings: tuple[Finding, ...] = ()
    skipped: tuple[str, ...] = ()
    quarantine: Quarantine | None = None
    strikes: int = 0
    struck_at: datetime | None = None

    @property
    def status(self) -> str:
        return Verdict(self.findings).status.value if self.checked_at is not None else "unchecked"


# ---- what becomes of it --------------------------------------------------------------------------------------------------


def after_check(known: Health, machine: str, verdict: Verdict, now: datetime, pace: Pace) -> Health:
    """A failed machine goes into quarantine, or stays there for longer; one that passes is released.

    One that is there for the failures of its jobs has to pass after its time: the checks could not see what was wrong.
    """
    found = replace(
        known, machine=machine, checked_at=now, findings=verdict.findings, skipped=verdict.skipped
    )
    held = known.quarantine
    if verdict.status is Status.FAILED:
        if held is not None and held.by is By.OPERATOR:
            return found
        since = held.since if held is not None else now
        return _struck(found, since, By.CHECK, "; ".join(verdict.evidence), now, pace)
    if held is None or held.by is By.OPERATOR:
        return found
    due = held.next_check_at is None or now >= held.next_check_at
    return replace(found, quarantine=None) if held.by is By.CHECK or due else found


def on_machine(known: Health | None, machine: str) -> Health:
    """What is known of a worker, as far as it says something of the machine that it is on now."""
    if known is None:
        return Health(machine)
    if known.machine == machine:
        return known
    person = known.quarantine is not None and known.quarantine.by is By.OPERATOR
    return Health(machine, quarantine=known.quarantine if person else None)


def after_failures(known: Health, machine: str, reason: str, now: datetime, pace: Pace) -> Health:
    if known.quarantine is not None:
        return known
    return _struck(replace(known, machine=machine), now, By.FAILURES, reason, now, pace)


def held_by_person(known: Health, reason: str, now: datetime) -> Health:
    since = known.quarantine.since if known.quarantine is not None else now
    return replace(known, quarantine=Quarantine(since, By.OPERATOR, reason))


def released(known: Health) -> Health:
    """By a person, who starts anew with it."""
    return replace(known, quarantine=None, strikes=0, struck_at=None)


def _struck(found: Health, since: datetime, by: By, reason: str, now: datetime, pace: Pace) -> Health:
    fresh = found.struck_at is None or now - found.struck_at > timedelta(seconds=pace.forget_s)
    strikes = 1 if fresh else found.strikes + 1
    wait_s = min(pace.most_s, pace.first_s * 2 ** min(strikes - 1, 20))
    held = Quarantine(since, by, reason, now + timedelta(seconds=wait_s))
    return replace(found, quarantine=held, strikes=strikes, struck_at=now)
