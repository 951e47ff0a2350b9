"""Which of the workers that have room a job gets: one small function for each policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from tensorfleet.scheduling.model import Policy, WaitingJob, WorkerView
from tensorfleet.scheduling.room import Fleet, capacity

__all__ = ["Choice", "capacity", "choose"]


@dataclass(frozen=True)
class Choice:
    """`count` ranks of `job` are to be put on workers with `rooms` for that many each; together they have enough."""

    job: WaitingJob
    count: int
    rooms: Mapping[str, int]
    views: Mapping[str, WorkerView]
    fleet: Fleet
    last: str | None = None
    """Where the last job went."""


def choose(policy: Policy, choice: Choice) -> tuple[str, ...]:
    """A worker for each rank; ranks on the same worker follow each other, because neighbours talk most."""
    chosen = _POLICIES[policy](choice)
    first = {worker_id: place for place, worker_id in reversed(list(enumerate(chosen)))}
    return tuple(sorted(chosen, key=first.__getitem__))


def _resource_fit(choice: Choice) -> list[str]:
    """On one machine if one has the room, and there the tightest: gangs stay together and large holes stay large.

    Workers with free GPUs are the last that a job without GPUs gets.
    """
    rooms = dict(choice.rooms)
    chosen: list[str] = []
    spared = _spared(choice)
    while (left := choice.count - len(chosen)) > 0:
        holding = [worker_id for worker_id, room in rooms.items() if room >= left]
        if holding:
            best = min(holding, key=lambda w: (w in spared, rooms[w], choice.fleet.free_slots(w), w))
        else:
            best = min(rooms, key=lambda w: (w in spared, -rooms[w], w))
        chosen += [best] * min(left, rooms.pop(best))
    return chosen


def _spared(choice: Choice) -> frozenset[str]:
    if choice.job.demand.gpus:
        return frozenset()
    return frozenset(w for w in choice.rooms if choice.fleet.free_gpus(w) > 0)


def _round_robin(choice: Choice) -> list[str]:
    """One rank each, beginning behind the worker that got the last job."""
    ids = sorted(choice.rooms)
    turn = next((i for i, worker_id in enumerate(ids) if choice.last is None or worker_id > choice.last), 0)
    circle = ids[turn:] + ids[:turn]
    most = max(choice.rooms.values())
    laps = (worker_id for lap in range(most) for worker_id in circle if choice.rooms[worker_id] > lap)
    return [worker_id for worker_id, _ in zip(laps, range(choice.count), strict=False)]


def _least_loaded(choice: Choice) -> list[str]:
    """Each rank on the worker with the largest part of its slots free."""
    slots = {worker_id: max(1, choice.views[worker_id].slots) for worker_id in choice.rooms}
    heap = [(-choice.fleet.free_slots(w) / slots[w], w, room) for w, room in choice.rooms.items()]
    heapify(heap)
    chosen: list[str] = []
    while len(chosen) < choice.count:
        load, worker_id, room = heappop(heap)
        chosen.append(worker_id)
        if room > 1:
            heappush(heap, (load + 1 / slots[worker_id], worker_id, room - 1))
    return chosen


def _affinity(choice: Choice) -> list[str]:
    """The whole gang where its data is, if there is room; else the tightest fit."""
    near = {w: room for w, room in choice.rooms.items() if choice.job.affinity in choice.views[w].recent}
    rooms = near if sum(near.values()) >= choice.count else choice.rooms
    return _resource_fit(Choice(choice.job, choice.count, rooms, choice.views, choice.fleet))


_POLICIES: Mapping[Policy, Callable[[Choice], list[str]]] = {
    Policy.RESOURCE_FIT: _resource_fit,
    Policy.ROUND_ROBIN: _round_robin,
    Policy.LEAST_LOADED: _least_loaded,
    Policy.AFFINITY: _affinity,
}
