"""What happened in a month: to the jobs of a workspace, and to the API: pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tensorfleet.jobs.model import Blame, FailureClass
from tensorfleet.sla.counts import ANSWER_EDGES_S, SUBMIT, Counts, summed, within

PLATFORM_FAULTS = frozenset(
    {cls.value for cls in FailureClass if cls.blame is Blame.FLEET} | {FailureClass.INTERNAL.value}
)
"""What no change of the job would have helped against; all other failures are the job's own."""


@dataclass(frozen=True)
class Tally:
    """How much of what was counted was good: seconds, requests or jobs."""

    good: float = 0.0
    total: float = 0.0

    @property
    def bad(self) -> float:
        return self.total - self.good

    @property
    def share(self) -> float | None:
        return self.good / self.total if self.total else None


@dataclass(frozen=True)
class Ended:
    """Jobs that ended in the same way.  `retries`: their attempts after the first; `steps_lost`: steps that they threw away."""

    status: str
    failure: str | None
    count: int
    retries: int = 0
    steps_lost: int = 0


@dataclass(frozen=True)
class Held:
    """Leases that were over: how long they waited for their tasks, and seconds whose work was lost, or that stood still."""

    assignments: Counts = field(default_factory=dict)
    lost_s: float = 0.0
    hung_s: float = 0.0
    lost_cpu_s: float = 0.0
    """Of both, times cores."""


@dataclass(frozen=True)
class Jobs:
    """What became of the jobs of a workspace, or of several.

    Attributes:
        waits: from submission to the first start, of those submitted in the time.
        waiting: how long those have waited that did not start yet.
        ended: those that ended in the time, whenever they were submitted.
    """

    submitted: int = 0
    waits: Counts = field(default_factory=dict)
    waiting: Counts = field(default_factory=dict)
    ended: tuple[Ended, ...] = ()
    held: Held = Held()

    @classmethod
    def summed(cls, parts: Iterable[Jobs]) -> Jobs:
        found = list(parts)
        held = [one.held for one in found]
        return cls(
            sum(one.submitted for one in found),
            summed(one.waits for one in found),
            summed(one.waiting for one in found),
            tuple(ended for one in found for ended in one.ended),
            Held(
                summed(one.assignments for one in held),
                sum(one.lost_s for one in held),
                sum(one.hung_s for one in held),
                sum(one.lost_cpu_s for one in held),
            ),
        )

    def count(self, status: str) -> int:
        return sum(one.count for one in self.ended if one.status == status)

    @property
    def failures(self) -> dict[str, int]:
        """By class."""
        found: dict[str, int] = {}
        for one in self.ended:
            if one.status == "failed":
                found[one.failure or "unknown"] = found.get(one.failure or "unknown", 0) + one.count
        return found

    @property
    def platform_failures(self) -> int:
        return sum(count for failure, count in self.failures.items() if failure in PLATFORM_FAULTS)

    @property
    def of_platform(self) -> Tally:
        """Jobs that the platform carried out, of those that it could have."""
        completed = self.count("completed")
        return Tally(completed, completed + self.platform_failures)

    @property
    def of_all(self) -> Tally:
        """Jobs that completed, of those that completed or failed for whatever reason."""
        completed = self.count("completed")
        return Tally(completed, completed + self.count("failed"))

    def started_within(self, limit_s: float, edges: Sequence[float]) -> Tally:
        """Jobs that started in time, of those that started or are late by now."""
        late = sum(self.waiting.values()) - within(self.waiting, limit_s, edges)
        return Tally(within(self.waits, limit_s, edges), sum(self.waits.values()) + late)


@dataclass(frozen=True)
class Answers:
    """Requests of one class between two edges; `errors` of them ended in a 5xx."""

    route: str
    edge_s: float
    count: int
    errors: int = 0


@dataclass(frozen=True)
class Api:
    """What was measured of the API in some time.  `uptime`: seconds in which it answered, of those of which that is known."""

    uptime: Tally = Tally()
    answers: tuple[Answers, ...] = ()

    def counts(self, route: str | None = None) -> dict[float, int]:
        return summed({one.edge_s: one.count} for one in self.answers if route in (None, one.route))

    def errors(self, route: str | None = None) -> int:
        return sum(one.errors for one in self.answers if route in (None, one.route))

    def submissions(self, limit_s: float) -> Tally:
        """Those that were answered in time, and not with a 5xx."""
        mine = [one for one in self.answers if one.route == SUBMIT]
        good = summed({one.edge_s: one.count - one.errors} for one in mine)
        return Tally(within(good, limit_s, ANSWER_EDGES_S), sum(one.count for one in mine))
