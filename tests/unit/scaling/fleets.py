"""A fleet that is scaled, in steps: agents that take their time to join, jobs that take theirs to run, and the true policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

from tensorfleet.fleet.ports import Launched, LaunchState, WorkerType
from tensorfleet.scaling.model import Awaited, Decision, FleetView, Limits, Memory
from tensorfleet.scaling.policy import decide
from tensorfleet.scheduling.model import Demand, Place, RunningJob, Snapshot, WaitingJob, WorkerView
from tensorfleet.scheduling.scheduler import schedule

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
GIB = 1024**3
STEP_S = 10.0


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def job(name: str, workers: int = 1, demand: Demand | None = None, least: int | None = None) -> WaitingJob:
    return WaitingJob(name, 1, NOW, workers, least or workers, demand or Demand())


def runs(name: str, *on: str, demand: Demand | None = None) -> RunningJob:
    return RunningJob(name, "default", 1, len(on), len(on), demand or Demand(), on, at(-100))


def worker(
    name: str,
    slots: int = 1,
    *,
    taken: int = 0,
    gpus: float = 0,
    accepts: bool = True,
    draining: bool = False,
) -> WorkerView:
    room = (slots, float(slots), gpus, 8 * GIB)
    left = (slots - taken, float(slots - taken), gpus, 8 * GIB)
    return WorkerView(name, *room, *left, accepts and not draining, draining)


def up(name: str, kind: str = "default", state: LaunchState = LaunchState.UP, detail: str = "") -> Launched:
    return Launched(name, kind, state, detail=detail)


def view(
    workers: tuple[WorkerView, ...] = (),
    queue: tuple[WaitingJob, ...] = (),
    running: tuple[RunningJob, ...] = (),
    *,
    launched: tuple[Launched, ...] | None = None,
    lost: tuple[str, ...] = (),
    silent: tuple[str, ...] = (),
    now: datetime = NOW,
) -> FleetView:
    """Without `launched`, all workers were launched as the default type and are up."""
    agents = tuple(up(found.id) for found in workers) if launched is None else launched
    snapshot = Snapshot(now, queue, workers, running=running)
    return FleetView(snapshot, agents, frozenset(lost), frozenset(silent))


def fleet_of(count: int, busy: int = 0) -> tuple[tuple[WorkerView, ...], tuple[RunningJob, ...]]:
    """Workers of one slot, of which the first ones run something."""
    workers = tuple(worker(f"a{i:03}", taken=int(i < busy)) for i in range(count))
    return workers, tuple(runs(f"r{i:03}", f"a{i:03}") for i in range(busy))


@dataclass
class _Agent:
    kind: WorkerType
    joins_at: float
    here: bool = False
    draining: bool = False
    sick: bool = False


@dataclass
class Life:
    """Steps of ten seconds.  Checks at every one that nothing is done that must never be done."""

    limits: Limits
    joins_after_s: float = 20.0
    random: Random = field(default_factory=lambda: Random(1))
    trouble: float = 0.0
    """How often a step sees nothing, or somebody silent, or is overtaken by a job."""
    sickness: float = 0.0
    """How often a machine falls ill, or gets well again, in a step."""
    now_s: float = 0.0
    memory: Memory = field(default_factory=Memory)
    agents: dict[str, _Agent] = field(default_factory=dict)
    waiting: dict[str, WaitingJob] = field(default_factory=dict)
    running: dict[str, tuple[RunningJob, float]] = field(default_factory=dict)
    lengths: dict[str, float] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    number: int = 0

    def submit(self, waiting: WaitingJob, run_s: float) -> None:
        self.waiting[waiting.id] = replace(waiting, queued_at=at(self.now_s))
        self.lengths[waiting.id] = run_s

    def step(self) -> Decision:
        self.now_s += STEP_S
        self._end_jobs()
        for agent in self.agents.values():
            agent.here = agent.here or agent.joins_at <= self.now_s
            if self.sickness and agent.here and self.random.random() < self.sickness:
                agent.sick = not agent.sick
        self._schedule()
        shown = self._view()
        decision = decide(shown, self.limits, self.memory)
        assert decision == decide(shown, self.limits, self.memory)
        self._check(decision, shown)
        if self.random.random() < self.trouble:
            # A job comes between the decision and the drain, and may get a worker that is to go.
            self.submit(job(f"late-{self.now_s}"), 15.0)
            self._schedule()
        self._carry_out(decision)
        self._schedule()  # what is drained is drained before anything else is placed
        self.sizes.append(len(self.agents))
        self.decisions.append(decision)
        return decision

    def leased(self) -> set[str]:
        return {worker_id for running, _ in self.running.values() for worker_id in running.worker_ids}

    def _view(self) -> FleetView:
        shown = tuple(
            up(w, agent.kind.name, LaunchState.UP if agent.here else LaunchState.STARTING)
            for w, agent in self.agents.items()
        )
        here = [w for w, agent in self.agents.items() if agent.here]
        troubled = self.random.random() < self.trouble
        silent = frozenset(self.random.sample(here, 1)) if troubled and here else frozenset()
        unseen = troubled and self.random.random() < 0.5
        return FleetView(self._snapshot(), None if unseen else shown, silent=silent)

    def _snapshot(self) -> Snapshot:
        running = tuple(found for found, _ in self.running.values())
        return Snapshot(at(self.now_s), tuple(self.waiting.values()), self._workers(), running=running)

    def _workers(self) -> tuple[WorkerView, ...]:
        taken: dict[str, list[Demand]] = {}
        for running, _ in self.running.values():
            for worker_id in running.worker_ids:
                taken.setdefault(worker_id, []).append(running.demand)
        return tuple(
            self._worker(worker_id, agent, taken.get(worker_id, []))
            for worker_id, agent in self.agents.items()
            if agent.here
        )

    @staticmethod
    def _worker(worker_id: str, agent: _Agent, taken: list[Demand]) -> WorkerView:
        kind = agent.kind
        cpus = max(kind.cpus, float(kind.slots))
        return WorkerView(
            worker_id,
            kind.slots,
            cpus,
            kind.gpus,
            8 * GIB,
            kind.slots - len(taken),
            cpus - sum(demand.cpus for demand in taken),
            kind.gpus - sum(demand.gpus for demand in taken),
            8 * GIB - sum(demand.memory_bytes for demand in taken),
            not agent.draining and not agent.sick,
            agent.draining,
            quarantine="its disk" if agent.sick else "",
        )

    def _end_jobs(self) -> None:
        for job_id, (_, ends_s) in list(self.running.items()):
            if ends_s <= self.now_s:
                del self.running[job_id]

    def _schedule(self) -> None:
        for decision in schedule(self._snapshot()):
            if isinstance(decision, Place):
                waiting = self.waiting.pop(decision.job_id)
                running = replace(runs(waiting.id, *decision.worker_ids, demand=waiting.demand))
                self.running[waiting.id] = (running, self.now_s + self.lengths[waiting.id])

    def _check(self, decision: Decision, shown: FleetView) -> None:
        leased = self.leased()
        assert not leased & {*decision.drains, *decision.releases}, (
            "a worker that holds a lease was taken away"
        )
        least, most = self.limits.least_at(at(self.now_s)), self.limits.most
        assert len(self.agents) + sum(decision.starts.values()) <= most
        gone = [w for w in decision.releases if w in self.agents]
        if decision.drains:
            assert decision.signal.desired >= least
        if shown.launched is None:
            assert not decision.changes
        if shown.silent:
            assert not decision.drains
            assert not shown.silent & {*gone}
        for kind in self.limits.types:
            count = sum(agent.kind == kind for agent in self.agents.values())
            if kind.most is not None:
                assert count + decision.starts.get(kind.name, 0) <= kind.most

    def _carry_out(self, decision: Decision) -> None:
        self.memory = decision.memory
        kinds: Mapping[str, WorkerType] = {kind.name: kind for kind in self.limits.types}
        for name, count in decision.starts.items():
            for _ in range(count):
                self.number += 1
                worker_id = f"a{self.number:04}"
                self.agents[worker_id] = _Agent(kinds[name], self.now_s + self.joins_after_s)
                awaited = {**self.memory.awaited, worker_id: Awaited(name, at(self.now_s))}
                self.memory = replace(self.memory, awaited=awaited)
        for worker_id in decision.drains:
            self.agents[worker_id].draining = True
        for worker_id in decision.keeps:
            self.agents[worker_id].draining = False
        for worker_id in decision.releases:
            assert self.agents.pop(worker_id, None) is None or worker_id not in self.leased()
