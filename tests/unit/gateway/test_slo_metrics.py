"""The objectives as Prometheus sees them, and what the gateway counts of its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tensorfleet.errors import Unavailable
from tensorfleet.gateway import answers
from tensorfleet.gateway.answers import AnswerCounts
from tensorfleet.gateway.slo_metrics import FRESH_S, SloCollector
from tensorfleet.sla.figures import Answers, Tally
from tensorfleet.sla.model import Name, Objective, Standing

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
JOBS = Objective(Name.JOB_SUCCESS, 0.99)


def samples(collector: SloCollector) -> dict[tuple[str, ...], float]:
    found = {}
    for family in collector.collect():
        for one in family.samples:
            found[(one.name, *one.labels.values())] = one.value
    return found


def test_what_is_not_known_is_absent() -> None:
    burning = [
        (None, Standing(JOBS, Tally(98, 100)), {"1h": 2.0, "5m": None}),
        ("lab", Standing(JOBS, Tally()), {"1h": None}),
    ]
    assert samples(SloCollector(lambda: burning)) == {
        ("tensorfleet_slo_target_ratio", "job_success", ""): 0.99,
        ("tensorfleet_slo_target_ratio", "job_success", "lab"): 0.99,
        ("tensorfleet_slo_reached_ratio", "job_success", ""): 0.98,
        ("tensorfleet_slo_budget_left_ratio", "job_success", ""): pytest.approx(-1.0),
        ("tensorfleet_slo_budget_left_ratio", "job_success", "lab"): 1.0,
        ("tensorfleet_slo_burn_rate", "job_success", "", "1h"): 2.0,
    }


def test_the_database_is_not_asked_at_every_scrape_nor_while_it_is_away() -> None:
    asked, now, trouble = [0], [0.0], [False]

    def burning() -> list[Any]:
        asked[0] += 1
        if trouble[0]:
            raise Unavailable("away")
        return []

    collector = SloCollector(burning, lambda: now[0])
    samples(collector)
    samples(collector)
    assert asked == [1]
    now[0] = FRESH_S
    collector.away = True
    assert list(collector.collect()) == []
    assert asked == [1]
    collector.away, trouble[0] = False, True
    assert list(collector.collect()) == []
    assert asked == [2]


class Kept:
    def __init__(self) -> None:
        self.rows: dict[datetime, list[Answers]] = {}
        self.pruned: list[datetime] = []

    def add_answers(self, counted: Mapping[datetime, Sequence[Answers]]) -> None:
        for minute, found in counted.items():
            self.rows.setdefault(minute, []).extend(found)

    def prune(self, now: datetime, before: datetime) -> None:
        self.pruned.append(before)
        raise Unavailable("away")


def counts(kept: Kept, every_s: float = 15.0) -> AnswerCounts:
    return AnswerCounts(kept, lambda: NOON + timedelta(seconds=42), timedelta(days=62), every_s)  # type: ignore[arg-type]


def test_answers_are_written_by_minute_and_class(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    found = counts(kept)
    for status, seconds in ((201, 0.004), (500, 0.004), (422, 0.3)):
        found.note("POST", "/api/v1/jobs", status, seconds)
    monkeypatch.setattr(answers, "MOST_KEPT", 2)
    found.note("GET", "/api/v1/jobs", 200, 0.004)  # one too many
    found.write()
    assert kept.rows == {NOON: [Answers("submit", 0.005, 2, 1), Answers("submit", 0.5, 1)]}


def test_answers_are_written_now_and_then_and_at_the_end() -> None:
    kept = Kept()

    async def serve(found: AnswerCounts, *, long_enough: bool) -> None:
        async with found.kept():
            found.note("GET", "/api/v1/jobs", 200, 0.1)
            async with asyncio.timeout(10):
                while long_enough and not (kept.rows and kept.pruned):
                    await asyncio.sleep(0.005)

    asyncio.run(serve(counts(kept, 0.005), long_enough=True))
    assert len(kept.rows[NOON]) == 1
    assert kept.pruned == [NOON + timedelta(seconds=42) - timedelta(days=62)], "once an hour"
    asyncio.run(serve(counts(kept, 1000.0), long_enough=False))
    assert len(kept.rows[NOON]) == 2
