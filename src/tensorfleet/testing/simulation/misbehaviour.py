"""What an agent may do wrong without being told to: decided for each task beforehand, from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Manners:
    """How one task's reports are sent; the default is a faultless agent."""

    duplicate_outcome: bool = False
    """The outcome goes out twice, and once more after it was released."""
    late_outcome: bool = False
    """What was not reported when the lease was lost is reported all the same."""
    resend_chunks: bool = False
    """Each chunk goes out a second time."""
    overlap_chunks: bool = False
    """A chunk is followed by one that begins in the middle of it."""


HONEST = Manners()


@dataclass(frozen=True)
class Misbehaviour:
    """Draws the manners of a task: each fault in `rate` of the tasks.  Equal seeds draw equal manners."""

    seed: int = 0
    rate: float = 0.0
    duplicate: bool = True
    late: bool = True

    def manners(self, job_name: str, attempt: int, rank: int) -> Manners:
        if not self.rate:
            return HONEST
        drawn = random.Random(f"{self.seed}:{job_name}:{attempt}:{rank}")  # noqa: S311 - a plan, not a secret
        one, two, three, four = (drawn.random() < self.rate for _ in range(4))
        return Manners(
            self.duplicate and one, self.late and two, self.duplicate and three, self.duplicate and four
        )
