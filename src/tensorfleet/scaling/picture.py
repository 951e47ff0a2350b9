"""Who is here, who is coming, who is going: the launcher's list, the scheduler's workers and the memory, brought together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from tensorfleet.fleet.ports import Launched, LaunchState, WorkerType
from tensorfleet.scaling.model import Awaited, FleetView, Limits, Memory, Size
from tensorfleet.scaling.packing import size_of
from tensorfleet.scheduling.model import WorkerView

RELEASE_AGAIN_S = 30.0
FAILURE_PAUSE_S, FAILURE_PAUSE_MOST_S = 5.0, 300.0


@dataclass
class Picture:
    """The fleet by what becomes of each worker.

    Attributes:
        here: workers that have joined and speak, by id.
        launched: the type of each agent that the launcher runs, or was asked for.
        coming: agents that were asked for and have not joined.
        unknown: workers that should be here and are not heard of.
        going: drained by us, and since when; `ready`: those of them that may be given back.
        sick: launched workers in quarantine, since when this is known; a person's are not among them.
        kept: drained by us, but somebody gave them tasks again, or they hold a lease.
        ended: agents for the launcher to end, or to forget because they are gone.
        again: agents that were asked for and are not known to the launcher.
    """

    now: datetime
    here: dict[str, WorkerView] = field(default_factory=dict)
    launched: dict[str, str] = field(default_factory=dict)
    coming: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    going: dict[str, datetime] = field(default_factory=dict)
    released: dict[str, datetime] = field(default_factory=dict)
    sick: dict[str, datetime] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    ready: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    again: dict[str, str] = field(default_factory=dict)
    busy: frozenset[str] = frozenset()
    spot_lost: bool = False
    failures: int = 0
    detail: str = ""
    """What the launcher says about one that does not come."""

    @property
    def existing(self) -> int:
        """All workers that take a place, also those that are on their way out."""
        return len(self.here.keys() | self.launched.keys() | self.released.keys())

    @cached_property
    def staying(self) -> dict[str, str]:
        """Those that work or may work, and are not on their way out, by type; "" for those that were not launched."""
        leaving = {w.id for w in self.here.values() if w.draining and w.id not in self.launched}
        leaving |= self.unfit.keys()
        ids = (self.here.keys() | self.launched.keys()) - self.going.keys() - self.released.keys() - leaving
        return {worker_id: self.launched.get(worker_id, "") for worker_id in sorted(ids)}

    @property
    def unfit(self) -> dict[str, WorkerView]:
        """Workers in quarantine: they take a place, and are good for nothing."""
        return {w.id: w for w in self.here.values() if w.quarantine and w.id not in self.released}

    def idle(self) -> list[str]:
        """Launched workers that are here, take tasks, and have none."""
        return [
            worker_id
            for worker_id, kind in self.staying.items()
            if kind and worker_id in self.here and self.here[worker_id].accepts and worker_id not in self.busy
        ]

    def count(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for kind in self.staying.values():
            counts[kind] = counts.get(kind, 0) + 1
        return counts

    def count_all(self) -> dict[str, int]:
        """The same with those in quarantine."""
        counts = self.count()
        for worker_id in self.unfit:
            kind = self.launched.get(worker_id, "")
            counts[kind] = counts.get(kind, 0) + 1
        return counts


def look(view: FleetView, launched: tuple[Launched, ...], limits: Limits, memory: Memory) -> Picture:
    """What there is, as far as it is known."""
    now = view.snapshot.now
    found = Picture(now)
    found.busy = frozenset(w for job in view.snapshot.running for w in job.worker_ids)
    left = memory.released.keys() - {agent.worker_id for agent in launched}
    found.here = {w.id: w for w in view.snapshot.workers if w.id not in view.lost | left}
    types = {kind.name: kind for kind in limits.types}
    listed = {agent.worker_id: agent for agent in launched}
    for agent in listed.values():
        _take_listed(found, agent, view, memory, types)
    for worker_id, awaited in memory.awaited.items():
        if worker_id not in listed and worker_id not in memory.released and worker_id not in found.here:
            found.launched[worker_id] = found.coming[worker_id] = awaited.type_name
            found.again[worker_id] = awaited.type_name
    _give_up(found, memory, limits)
    found.unknown += sorted(view.silent & found.here.keys())
    found.sick = {
        w.id: memory.sick.get(w.id, now)
        for w in found.unfit.values()
        if w.id in found.launched and not w.kept
    }
    found.failures += len(found.sick.keys() - memory.sick.keys())
    for worker_id, since in memory.going.items():
        _take_going(found, worker_id, since)
    return found


def _take_listed(
    found: Picture, agent: Launched, view: FleetView, memory: Memory, types: dict[str, WorkerType]
) -> None:
    worker_id = agent.worker_id
    if worker_id in memory.released:
        since = memory.released[worker_id]
        if found.now - since > timedelta(seconds=RELEASE_AGAIN_S):
            since = found.now
            found.ended.append(worker_id)
        found.released[worker_id] = since
    elif agent.state is LaunchState.GONE:
        found.here.pop(worker_id, None)
        found.ended.append(worker_id)
        if worker_id in memory.awaited:
            found.failures += 1
            found.detail = agent.detail
        elif worker_id in memory.joined:
            kind = types.get(memory.joined[worker_id])
            found.spot_lost = found.spot_lost or (kind is not None and kind.spot)
    else:
        found.launched[worker_id] = agent.type_name
        if worker_id not in found.here:
            found.coming[worker_id] = agent.type_name
            found.detail = found.detail or agent.detail
            if worker_id in view.lost and agent.state is LaunchState.UP:
                del found.coming[worker_id]
                found.unknown.append(worker_id)


def _give_up(found: Picture, memory: Memory, limits: Limits) -> None:
    """Agents that have not been here for so long that nobody can count on them any more."""
    for worker_id in [*found.coming, *found.unknown]:
        since = memory.awaited[worker_id].since if worker_id in memory.awaited else found.now
        if found.now - since > timedelta(seconds=limits.join_s):
            found.failures += 1
            found.ended.append(worker_id)
            found.released[worker_id] = found.now
            found.coming.pop(worker_id, None)
            found.again.pop(worker_id, None)
            del found.launched[worker_id]
    found.unknown = [worker_id for worker_id in found.unknown if worker_id in found.launched]


def _take_going(found: Picture, worker_id: str, since: datetime) -> None:
    view = found.here.get(worker_id)
    if view is None or worker_id not in found.launched:
        return
    if worker_id in found.busy:
        found.kept.append(worker_id)
    elif not view.draining:
        return  # a person had it take tasks again
    else:
        found.going[worker_id] = since
        if worker_id not in found.unknown:
            found.ready.append(worker_id)


def remember(found: Picture, limits: Limits, memory: Memory) -> Memory:
    """The memory, with what this look has told."""
    awaited = {}
    for worker_id in [*found.coming, *(w for w in found.unknown if w not in found.here)]:
        since = memory.awaited[worker_id].since if worker_id in memory.awaited else found.now
        awaited[worker_id] = Awaited(found.launched[worker_id], since)
    joined = {
        worker_id: kind
        for worker_id, kind in found.launched.items()
        if worker_id in found.here or worker_id in memory.joined
    }
    came = any(worker_id not in memory.joined for worker_id in joined)
    # On a machine that is not well the next one would come to nothing, too: joining is no success then.
    failures = found.failures + (0 if came and not found.sick else memory.failures)
    return replace(
        memory,
        awaited=awaited,
        going=found.going,
        sick=found.sick,
        released=found.released,
        joined=joined,
        sizes=_sizes(found, memory),
        spot_lost_at=found.now if found.spot_lost else memory.spot_lost_at,
        failures=failures,
        failed_at=found.now if found.failures else memory.failed_at,
    )


def _sizes(found: Picture, memory: Memory) -> dict[str, Size]:
    sizes = dict(memory.sizes)
    for worker_id, kind in found.launched.items():
        if worker_id in found.here:
            view = found.here[worker_id]
            sizes[kind] = Size(view.slots, view.cpus, view.gpus, view.memory_bytes)
    return sizes


def coming_views(found: Picture, limits: Limits, memory: Memory) -> tuple[WorkerView, ...]:
    """The workers that are coming, as if they were here."""
    types = {kind.name: kind for kind in limits.types}
    views = []
    for worker_id, name in found.coming.items():
        size = size_of(types.get(name, WorkerType(name)), memory.sizes)
        room = (size.slots, size.cpus, size.gpus, size.memory_bytes)
        views.append(WorkerView(worker_id, *room, *room))
    return tuple(views)


def pause_s(memory: Memory) -> float:
    """How long nothing is started after the last agent that did not join."""
    if not memory.failures:
        return 0.0
    return float(min(FAILURE_PAUSE_MOST_S, FAILURE_PAUSE_S * 2 ** min(memory.failures - 1, 10)))
