"""How long to wait between tries."""

from __future__ import annotations

import random
from collections.abc import Iterator


def delays(patience_s: float, *, first_s: float = 0.1, most_s: float = 2.0) -> Iterator[float]:
    """Growing delays, each shortened by up to half at random, that add up to at most about `patience_s`.

    The randomness keeps many clients of a server that comes back from asking in step.
    """
    total_s, delay_s = 0.0, first_s
    while total_s < patience_s:
        total_s += delay_s
        yield delay_s * (0.5 + random.random() / 2)  # noqa: S311 - not a secret
        delay_s = min(delay_s * 2, most_s)
