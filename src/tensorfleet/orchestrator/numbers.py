"""What the orchestrator shows at its metrics port: what it decided since its start, and how soon that took effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tensorfleet.jobs.model import FailureClass, JobStatus, NewEvent

ASSIGNMENT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
WAIT_BUCKETS = (0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
_ENDS = {f"job.{status.value}": status.value for status in JobStatus if status.ended}
_NOT_RUNNING = {*_ENDS, "job.paused", "job.requeued", "job.resumed"}


class Numbers:
    """Follows the log as it is committed.  A job that ran when this orchestrator took over counts when it ends."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._assigned_at: dict[str, datetime] = {}
        self._ended = Counter(
            "tensorfleet_jobs_ended",
            "Jobs that ended, by how and, for failed ones, by the class of the failure.",
            ("status", "failure"),
            registry=registry,
        )
        for status in _ENDS.values():  # a rate needs the nought before the first
            for failure in FailureClass if status == JobStatus.FAILED.value else ("",):
                self._ended.labels(status, str(failure))
        self._requeued = Counter(
            "tensorfleet_attempts_requeued", "Attempts that ended and are made again.", registry=registry
        )
        self._wait = Histogram(
            "tensorfleet_queue_wait_seconds",
            "From a job's submission until it first got workers.",
            buckets=WAIT_BUCKETS,
            registry=registry,
        )
        self._assignment = Histogram(
            "tensorfleet_assignment_seconds",
            "From a task's lease until its worker has started it.",
            buckets=ASSIGNMENT_BUCKETS,
            registry=registry,
        )

    def show(self, leads: Callable[[], bool], agents: Callable[[], int]) -> None:
        """Adds what is asked when it is scraped."""
        leading = Gauge("tensorfleet_orchestrator_leads", "1 while this one leads.", registry=self._registry)
        leading.set_function(lambda: float(leads()))
        connected = Gauge("tensorfleet_orchestrator_agents", "Connected agents.", registry=self._registry)
        connected.set_function(lambda: float(agents()))

    def follow(self, events: Sequence[NewEvent], submitted: Mapping[str, datetime]) -> None:
        for event in events:
            if event.job_id is not None:
                self._take(event, event.job_id, submitted.get(event.job_id))

    def _take(self, event: NewEvent, job_id: str, submitted_at: datetime | None) -> None:
        if event.kind == "job.started":
            self._assigned_at[job_id] = event.at
            if event.data.get("attempt") == 1 and submitted_at is not None:
                self._wait.observe((event.at - submitted_at).total_seconds())
        elif event.kind == "task.started" and job_id in self._assigned_at:
            self._assignment.observe((event.at - self._assigned_at[job_id]).total_seconds())
        elif event.kind in _NOT_RUNNING:
            self._assigned_at.pop(job_id, None)
        if event.kind == "job.requeued":
            self._requeued.inc()
        elif event.kind in _ENDS:
            status = _ENDS[event.kind]
            failure = event.data.get("class", "") if status == JobStatus.FAILED.value else ""
            self._ended.labels(status, failure).inc()
