"""Replays a trace on the scheduler's own code, event by event, without waiting.

What the scheduler is told is what it would know in production: timeouts of those that have one, and ends that follow from
the progress that a running job reports.  Progress is imperfect: nothing for the first seconds of an attempt, then faster or
slower than time by a power of 0.85 to 1.15 drawn for each job; a fifth of the jobs reports none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from random import Random

from benchmarks.scheduler_traces import Trace, TraceJob
from tensorfleet.fleet.snapshot import expected_end
from tensorfleet.scheduling.forecast import expected_start
from tensorfleet.scheduling.model import Decision, Demand, Place, Snapshot, WaitingJob, WorkerView
from tensorfleet.scheduling.world import World

Decide = Callable[[Snapshot], tuple[Decision, ...]]
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
LOOK_S = 60.0
START_S = 20.0
"""What an attempt needs before its first step."""
STOP_S = 3.0
ASK_EVERY = 4
"""Every so-manieth job that has to wait is told its expected start."""


@dataclass
class _State:
    """What is true of a job, and unknown to the scheduler."""

    job: TraceJob
    left_s: float
    """Seconds of work that are left, with all its workers."""
    bend: float
    started_s: float = 0.0
    attempt_s: float = 0.0
    """How long the running attempt takes."""
    attempt: int = 0
    first_start_s: float | None = None
    expected_s: float | None = None
    asked: bool = False


@dataclass
class Result:
    """What came of a trace under one way to decide."""

    trace: Trace
    waits_s: dict[str, float] = field(default_factory=dict)
    busy: dict[str, float] = field(default_factory=dict)
    """Slot-seconds by workspace, until the last arrival."""
    forecasts: list[tuple[float, float]] = field(default_factory=list)
    """(expected, true) seconds from the submission to the start."""
    unknown: int = 0
    preemptions: int = 0
    resizes: int = 0
    passes: int = 0


class Simulation:
    """One run over one trace."""

    def __init__(self, trace: Trace, decide: Decide, snapshot: Snapshot, *, forecast: bool = False) -> None:
        self._trace = trace
        self._decide = decide
        self._forecast = forecast
        self._world = World(snapshot)
        random = Random(7)
        self._states = {
            f"j{i:05}": _State(job, job.run_s, random.uniform(0.85, 1.15)) for i, job in enumerate(trace.jobs)
        }
        self._events: list[tuple[float, int, str, str, int]] = []
        self._number = count()
        self._now_s = 0.0
        self._last_arrival_s = trace.jobs[-1].at_s
        self._stopping: set[str] = set()
        self._look_at_s = -1.0
        self.result = Result(trace)

    def run(self) -> Result:
        for job_id, state in self._states.items():
            self._at(state.job.at_s, "submit", job_id)
        while self._events:
            at_s, _, kind, job_id, attempt = heappop(self._events)
            self._now_s = at_s
            self._world.now = BEGIN + timedelta(seconds=at_s)
            self._happen(kind, job_id, attempt)
            if not self._events or self._events[0][0] > at_s:
                self._pass()
        return self.result

    def _at(self, at_s: float, kind: str, job_id: str = "", attempt: int = 0) -> None:
        heappush(self._events, (at_s, next(self._number), kind, job_id, attempt))

    def _happen(self, kind: str, job_id: str, attempt: int) -> None:
        if kind == "submit":
            self._world.waiting[job_id] = self._waiting(job_id)
        elif kind == "end" and attempt == self._states[job_id].attempt:
            self._end(job_id)

    def _waiting(self, job_id: str) -> WaitingJob:
        job = self._states[job_id].job
        return WaitingJob(
            id=job_id,
            priority=job.priority,
            queued_at=BEGIN + timedelta(seconds=job.at_s),
            workers=job.workers,
            min_workers=job.min_workers,
            demand=Demand(1.0, float(job.gpus)),
            workspace=job.workspace,
            timeout_s=job.timeout_s,
        )

    def _pass(self) -> None:
        self._tell_ends()
        snapshot = self._world.snapshot()
        for decision in self._decide(snapshot):
            self._carry_out(decision)
        self.result.passes += 1
        self._ask()
        if (self._world.waiting or self._world.running) and self._look_at_s <= self._now_s:
            # As in production: decisions also follow from time alone.
            self._look_at_s = self._now_s + LOOK_S
            self._at(self._look_at_s, "look")

    def _tell_ends(self) -> None:
        running = self._world.running
        for job_id, job in running.items():
            if not job.stopping:
                running[job_id] = replace(job, expected_end_at=self._expected_end(job_id, job.started_at))

    def _expected_end(self, job_id: str, started_at: datetime) -> datetime | None:
        state = self._states[job_id]
        part = max(0.0, self._now_s - state.started_s - START_S) / max(1.0, state.attempt_s - START_S)
        progress = min(1.0, part) ** state.bend if state.job.tells_progress else 0.0
        return expected_end(started_at, progress, state.job.timeout_s, self._world.now)

    def _carry_out(self, decision: Decision) -> None:
        if isinstance(decision, Place):
            self._start(decision)
            return
        self._world.stop(decision.job_id)
        self._stopping.add(decision.job_id)
        state = self._states[decision.job_id]
        state.attempt += 1
        done = min(1.0, max(0.0, self._now_s - state.started_s - START_S) / (state.attempt_s - START_S))
        state.left_s *= 1 - done
        self._at(self._now_s + STOP_S, "end", decision.job_id, state.attempt)
        kind = "preemptions" if hasattr(decision, "for_job") else "resizes"
        setattr(self.result, kind, getattr(self.result, kind) + 1)

    def _start(self, place: Place) -> None:
        state = self._states[place.job_id]
        self._world.start(place, None)
        state.attempt += 1
        state.started_s = self._now_s
        state.attempt_s = START_S + state.left_s * state.job.workers / len(place.worker_ids)
        self._at(self._now_s + state.attempt_s, "end", place.job_id, state.attempt)
        if state.first_start_s is None:
            state.first_start_s = self._now_s
            self.result.waits_s[place.job_id] = self._now_s - state.job.at_s
            if state.expected_s is not None:
                self.result.forecasts.append(
                    (state.expected_s - state.job.at_s, self._now_s - state.job.at_s)
                )

    def _end(self, job_id: str) -> None:
        ended = self._world.end(job_id)
        state = self._states[job_id]
        span_s = max(0.0, min(self._now_s, self._last_arrival_s) - state.started_s)
        busy = self.result.busy
        busy[ended.workspace] = busy.get(ended.workspace, 0.0) + span_s * ended.workers
        if job_id in self._stopping:
            self._stopping.remove(job_id)
            self._world.waiting[job_id] = self._waiting(job_id)

    def _ask(self) -> None:
        """New jobs that have to wait are told when they will start."""
        if not self._forecast:
            return
        for job_id in list(self._world.waiting):
            state = self._states[job_id]
            if state.asked or int(job_id[1:]) % ASK_EVERY:
                continue
            state.asked = True
            self._tell_ends()
            expected, _ = expected_start(self._world.snapshot(), job_id)
            if expected is None:
                self.result.unknown += 1
            else:
                state.expected_s = (expected - BEGIN).total_seconds()


def fleet_of(trace: Trace) -> Snapshot:
    size, memory = trace.slots, 64 * 1024**3
    workers = tuple(
        WorkerView(f"node-{i}", size, size, size, memory, size, size, size, memory)
        for i in range(trace.nodes)
    )
    return Snapshot(BEGIN, (), workers)
