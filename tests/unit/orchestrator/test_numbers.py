from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from tensorfleet.jobs.model import NewEvent
from tensorfleet.orchestrator.numbers import Numbers

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Told:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.numbers = Numbers(self.registry)

    def event(self, kind: str, after_s: float, job_id: str | None = "j-1", **data: Any) -> None:
        event = NewEvent(kind, NOON + timedelta(seconds=after_s), data, job_id)
        self.numbers.follow([event], {"j-1": NOON})

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"tensorfleet_{name}", labels)


def test_a_job_waits_is_assigned_and_ends() -> None:
    told = Told()
    told.event("job.started", 2.0, attempt=1, workers=2)
    told.event("task.started", 2.25, rank=0)
    told.event("task.started", 2.5, rank=1)
    told.event("job.completed", 9.0, attempt=1)

    assert told.value("queue_wait_seconds_sum") == 2.0
    assert told.value("assignment_seconds_count") == 2
    assert told.value("assignment_seconds_sum") == 0.75
    assert told.value("jobs_ended_total", status="completed", failure="") == 1


def test_a_second_attempt_is_no_second_wait_in_the_queue() -> None:
    told = Told()
    told.event("job.started", 1.0, attempt=1, workers=1)
    told.event("job.requeued", 2.0, attempt=1)
    told.event("task.started", 3.0, rank=0)  # of an attempt that is over
    told.event("job.started", 5.0, attempt=2, workers=1)
    told.event("task.started", 5.5, rank=0)

    assert told.value("queue_wait_seconds_count") == 1
    assert told.value("assignment_seconds_sum") == 0.5
    assert told.value("attempts_requeued_total") == 1


def test_failures_count_by_class_and_cancellations_have_none() -> None:
    told = Told()
    told.event("job.failed", 1.0, **{"class": "data"})
    told.event("job.cancelled", 1.0, **{"class": "cancelled"})
    told.event("worker.lost", 1.0, job_id=None, worker="w-1")

    assert told.value("jobs_ended_total", status="failed", failure="data") == 1
    assert told.value("jobs_ended_total", status="failed", failure="hang") == 0
    assert told.value("jobs_ended_total", status="cancelled", failure="") == 1
