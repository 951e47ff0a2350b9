"""A fleet that lives: jobs come, run for as long as they truly do, and end; the scheduler sees only what it may know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tensorfleet.scheduling.model import Place, Preempt, Resize, Snapshot, WaitingJob
from tensorfleet.scheduling.scheduler import schedule
from tensorfleet.scheduling.world import World


@dataclass
class Life:
    """Moves on second by second.

    Attributes:
        run_s: how long a job truly runs.
        told_s: what the scheduler is told of it when it starts; None for nothing.
        stop_s: how long a job takes to stop.
    """

    snapshot: Snapshot
    run_s: Callable[[str], float]
    told_s: Callable[[str], float | None] = lambda job_id: None
    stop_s: Callable[[str], float] = lambda job_id: 2
    started: dict[str, datetime] = field(default_factory=dict)
    history: list[tuple[datetime, Place | Preempt | Resize]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = World(self.snapshot)
        self._ends = {found.id: self._later(self.run_s(found.id)) for found in self.snapshot.running}
        self._stopped: set[str] = set()

    def _later(self, seconds: float) -> datetime:
        return self.world.now + timedelta(seconds=seconds)

    def submit(self, job: WaitingJob) -> None:
        self.world.waiting[job.id] = replace(job, queued_at=self.world.now)

    def second(self) -> None:
        self.world.now += timedelta(seconds=1)
        for job_id in [job_id for job_id, end in self._ends.items() if end <= self.world.now]:
            del self._ends[job_id]
            ended = self.world.end(job_id)
            if job_id in self._stopped:
                self._stopped.remove(job_id)
                self.world.requeue(ended)
        for decision in schedule(self.world.snapshot()):
            self.history.append((self.world.now, decision))
            self._carry_out(decision)

    def _carry_out(self, decision: Place | Preempt | Resize) -> None:
        job_id = decision.job_id
        if isinstance(decision, Place):
            told_s = self.told_s(job_id)
            self.world.start(decision, self._later(told_s) if told_s is not None else None)
            self._ends[job_id] = self._later(self.run_s(job_id))
            self.started.setdefault(job_id, self.world.now)
        else:
            self.world.stop(job_id)
            self._stopped.add(job_id)
            self._ends[job_id] = self._later(self.stop_s(job_id))
