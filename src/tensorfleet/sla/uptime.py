"""When the API answered, as spans of time: pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Span:
    """From when to when the API answered all who watched it, or none of them."""

    began_at: datetime
    ended_at: datetime
    up: bool


def spans_after(
    last: Span | None, probes: Iterable[tuple[datetime, bool]], patience: timedelta
) -> list[Span]:
    """The spans that are new or longer, the last known one among them if it is.

    The time between two probes is as the later one found it; more than `patience` between them is time of which nobody knows.
    """
    changed: dict[datetime, Span] = {}
    for at, up in probes:
        if last is not None and at <= last.ended_at:
            continue  # told twice
        if last is None or at - last.ended_at > patience:
            last = Span(at, at, up)
        elif last.up == up:
            last = replace(last, ended_at=at)
        else:
            last = Span(last.ended_at, at, up)
        changed[last.began_at] = last
    return list(changed.values())
