"""`decide(view, limits, memory) -> Decision`: how many workers there should be, and which start and which go.

It grows by half when the load is over the upper threshold or too much waits, and shrinks to 0.7 when the load has been under the
lower one for a while and nothing waits.  What is coming counts as here for what is needed, and what is unknown never as idle.
It cannot swing on a constant load: it grows only from a size with a load over `up`, and never shrinks to one.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

from tensorfleet.fleet.ports import WorkerType
from tensorfleet.scaling.model import Action, Decision, FleetView, Limits, Memory, Signal
from tensorfleet.scaling.needs import Needs, like_those_that_run, load_of, needs_of, opened_for
from tensorfleet.scaling.packing import Packing, Shop, holds, size_of
from tensorfleet.scaling.picture import Picture, coming_views, look, pause_s, remember
from tensorfleet.scheduling.model import WorkerView

GROW, SHRINK = 1.5, 0.7


def decide(view: FleetView, limits: Limits, memory: Memory) -> Decision:
    """What to do now.  The same question always gets the same answer."""
    if view.launched is None or view.trouble:
        why = view.trouble or "the launcher does not answer"
        return _nothing_known(view, memory, why)
    found = look(view, view.launched, limits, memory)
    return _Deciding(view, limits, remember(found, limits, memory), found).decide()


def _nothing_known(view: FleetView, memory: Memory, why: str) -> Decision:
    here = [w for w in view.snapshot.workers if w.id not in view.lost]
    used, slots = load_of(here)
    signal = Signal(_ratio(used, slots), len(view.snapshot.queue), len(here), sum(memory.target.values()))
    return Decision(Action.UNKNOWN, f"nothing is changed: {why}", memory, signal, memory.target)


def _ratio(used: float, slots: float) -> float:
    return used / slots if slots else 0.0


class _Deciding:
    """One decision, and what it is made from."""

    def __init__(self, view: FleetView, limits: Limits, memory: Memory, found: Picture) -> None:
        self._limits = limits
        self._memory = memory
        self._found = found
        self._now = found.now
        self._staying = len(found.staying)
        coming = coming_views(found, limits, memory)
        stays = [w for w in found.here.values() if w.id in found.staying]
        self._snapshot = replace(view.snapshot, workers=(*stays, *coming))
        self._used, self._slots = load_of(self._snapshot.workers)
        self._load = _ratio(self._used, self._slots)
        self._shop = self._open_shop(tuple(w for w in stays if not found.staying[w.id]))
        self._needs: Needs = needs_of(self._snapshot, self._shop, found.coming)
        self._least = min(limits.most, limits.least_at(self._now))
        self._most = limits.most
        if memory.held is not None:
            self._least = self._most = max(self._least, min(limits.most, memory.held))

    def _open_shop(self, unlaunched: tuple[WorkerView, ...]) -> Shop:
        limits, memory = self._limits, self._memory
        sizes = {kind.name: size_of(kind, memory.sizes) for kind in limits.types}
        lost_at = memory.spot_lost_at
        pause = timedelta(seconds=limits.spot_pause_s)
        spot_allowed = lost_at is None or self._now - lost_at >= pause
        most = limits.most - len(self._found.released)
        return Shop(
            limits.types,
            sizes,
            most,
            self._found.count_all(),
            self._staying + len(self._found.unfit),
            unlaunched,
            limits.spot_share,
            spot_allowed,
        )

    # ---- which way ---------------------------------------------------------------------------------------------------

    def decide(self) -> Decision:
        quiet = self._note_quiet()
        if self._staying < self._least:
            return self._grow_to(self._least, self._why_least())
        over = self._staying - self._most
        if over > 0:
            return self._shrink(over, f"the maximum is {_workers(self._most)}")
        if self._memory.held is not None:
            return self._hold(f"a person has set {_workers(self._memory.held)}")
        if reason := self._why_grow():
            return self._grow(reason)
        if self._load >= self._limits.down or self._needs.waiting or self._needs.soon:
            return self._hold(self._why_hold())
        return self._maybe_shrink(quiet)

    def _note_quiet(self) -> float:
        """Keeps in mind when something last spoke against shrinking; returns for how many seconds nothing did."""
        memory = self._memory
        waits = self._needs.waiting or self._needs.soon or self._found.coming
        loud = self._load >= self._limits.down or waits
        if loud or memory.busy_at is None:
            self._memory = replace(memory, busy_at=self._now)
            return 0.0
        return (self._now - max(memory.busy_at, memory.changed_at or memory.busy_at)).total_seconds()

    def _why_least(self) -> str:
        if self._memory.held is not None:
            return f"a person has set {_workers(self._memory.held)}"
        return f"the minimum is {_workers(self._least)} now"

    def _why_grow(self) -> str:
        waiting, limits = len(self._needs.jobs), self._limits
        if self._load > limits.up:
            more = f", and {_jobs(waiting)}" if waiting else ""
            return f"the load is {self._load:.2f}, over {limits.up:g}{more}"
        if waiting > limits.max_queue:
            return f"{_jobs(waiting)}, more than {limits.max_queue}"
        for job, _ in self._needs.jobs:
            if self._needs.possible[job.demand] < job.min_workers:
                return f"job {job.id} needs {job.min_workers} workers at once, and the fleet as it is cannot hold it"
        return ""

    def _why_hold(self) -> str:
        waiting = self._needs.waiting + self._needs.soon
        more = f", and {_jobs(waiting)}" if waiting else ""
        return f"the load is {self._load:.2f}{more}: {_workers(self._staying)} will do"

    # ---- more --------------------------------------------------------------------------------------------------------

    def _grow(self, reason: str) -> Decision:
        step = max(1, math.ceil(self._staying * GROW) - self._staying)
        packing = Packing(self._shop.copy(), self._needs.free.values())
        opened, served, refused = opened_for(self._needs, packing, step)
        if not opened and self._needs.jobs and not refused:
            return self._hold(f"{reason}; what is free or coming is enough")
        if not opened and not self._needs.jobs:
            opened = like_those_that_run(self._snapshot, self._shop.copy(), step)
        if not opened:
            return self._at_maximum(reason)
        forwhom = f", for {served} of them" if served else ""
        return self._add(opened, f"{reason}: {{more}}{forwhom}")

    def _grow_to(self, least: int, reason: str) -> Decision:
        missing = least - self._staying
        packing = Packing(self._shop.copy(), self._needs.free.values())
        opened, _, _ = opened_for(
            self._needs, packing, missing
        )  # else it would undo what was replaced for them
        opened += like_those_that_run(self._snapshot, packing.shop, missing - len(opened))
        return self._add(opened, f"{reason}: {{more}}") if opened else self._at_maximum(reason)

    def _add(self, opened: list[WorkerType], reason: str) -> Decision:
        """Starts these, but first keeps workers of their types that were about to go."""
        if wait_s := self._pause_left_s():
            failed = self._memory.failures
            detail = f" ({self._found.detail})" if self._found.detail else ""
            agents = "agent" if failed == 1 else "agents in a row"
            why = f"{failed} {agents} did not join{detail}; the next try is in {wait_s:.0f} s"
            return self._finish(Action.HOLD, f"{reason.split(': {more}')[0]}, but {why}")
        keeps, starts = self._keep_or_start(opened)
        if not keeps and not starts:
            return self._finish(
                Action.AT_MAXIMUM, f"{reason.split(': {more}')[0]}, but those that leave still count"
            )
        now = self._staying + len(keeps) + sum(starts.values())
        text = reason.format(more=f"{_workers(self._staying)} {_become(self._staying)} {now}")
        self._memory = replace(self._memory, changed_at=self._now, busy_at=self._now)
        return self._finish(Action.GROW, text, starts=starts, keeps=tuple(keeps))

    def _keep_or_start(self, opened: list[WorkerType]) -> tuple[list[str], dict[str, int]]:
        keeps: list[str] = []
        starts: dict[str, int] = {}
        places = self._limits.most - self._found.existing
        for kind in opened:
            fit = self._found.going.keys() - self._found.sick.keys() - set(keeps)
            back = min((w for w in fit if self._found.launched[w] == kind.name), default=None)
            if back is not None:
                keeps.append(back)
            elif places > 0:  # else one of another kind has to be gone first
                places -= 1
                starts[kind.name] = starts.get(kind.name, 0) + 1
        return keeps, starts

    def _pause_left_s(self) -> float:
        if self._memory.failed_at is None:
            return 0.0
        passed_s = (self._now - self._memory.failed_at).total_seconds()
        return max(0.0, pause_s(self._memory) - passed_s)

    def _at_maximum(self, reason: str) -> Decision:
        """Nothing more may be started that helps; idle workers that hold nothing of what waits may make room."""
        if self._needs.jobs and not self._found.unknown and (drains := self._in_the_way()):
            self._memory = replace(self._memory, changed_at=self._now)
            job, _ = self._needs.jobs[0]
            text = (
                f"{reason}; at the maximum, {len(drains)} idle make room for others that job {job.id} needs"
            )
            return self._finish(Action.REPLACE, text, drains=drains)
        going = len(self._found.going) + len(self._found.released)
        more = f"; {going} on their way out still count" if going else ""
        allowed = f"no more workers that help are allowed (at most {self._limits.most}{more})"
        return self._finish(Action.AT_MAXIMUM, f"{reason}, but {allowed}")

    def _in_the_way(self) -> tuple[str, ...]:
        """The fewest idle workers without which the first job would get others that hold it."""
        job, allowed = self._needs.jobs[0]
        kinds = [kind for kind in self._shop.types if self._shop.below_most(kind)]
        best = max((holds(self._shop.sizes[kind.name], job.demand) for kind in kinds), default=0)
        ranks = {w: holds(self._found.here[w], job.demand) for w in self._found.idle()}
        smaller = sorted((w for w in ranks if ranks[w] < best), key=lambda w: (ranks[w], w))
        shop, free = self._shop.copy(), dict(self._needs.free)
        for count, worker_id in enumerate(smaller, 1):
            shop.counts[self._found.staying[worker_id]] -= 1
            shop.total -= 1
            del free[worker_id]
            if Packing(shop.copy(), free.values()).add(job, allowed) is not None:
                return tuple(smaller[:count])
        return ()

    # ---- fewer -------------------------------------------------------------------------------------------------------

    def _maybe_shrink(self, quiet_s: float) -> Decision:
        low = f"the load is {self._load:.2f}, under {self._limits.down:g}, and nothing waits"
        count = self._staying - self._smallest()
        if count <= 0:
            return self._hold(f"{low}; {_workers(self._staying)} is the least that it may have")
        if quiet_s < self._limits.cool_down_s:
            return self._hold(f"{low}; it may shrink in {self._limits.cool_down_s - quiet_s:.0f} s")
        return self._shrink(count, low)

    def _smallest(self) -> int:
        """The size of one step down, not under the minimum."""
        return max(self._least, math.floor(self._staying * SHRINK))

    def _shrink(self, count: int, reason: str) -> Decision:
        if self._found.unknown:
            return self._uncertain(reason)
        drains: list[str] = []
        slots = self._slots
        for worker_id in self._dearest_first():
            left = slots - self._found.here[worker_id].slots
            if len(drains) == count or (
                self._staying <= self._most and _ratio(self._used, left) > self._limits.up
            ):
                break
            slots = left
            drains.append(worker_id)
        if not drains:
            return self._hold(f"{reason}, but none can go: the others are in use, or needed for the load")
        self._memory = replace(self._memory, changed_at=self._now)
        now = self._staying - len(drains)
        text = f"{reason}: {_workers(self._staying)} {_become(self._staying)} {now}"
        return self._finish(Action.SHRINK, text, drains=tuple(drains))

    def _dearest_first(self) -> list[str]:
        prices = {kind.name: kind.cost_per_hour / kind.slots for kind in self._limits.types}
        kinds = self._found.staying
        return sorted(self._found.idle(), key=lambda w: (prices.get(kinds[w], math.inf), w), reverse=True)

    def _uncertain(self, reason: str) -> Decision:
        named = ", ".join(self._found.unknown[:3]) + (" and others" if len(self._found.unknown) > 3 else "")
        text = f"{reason}, but nothing is taken away: {named} not heard of, and unknown is not idle"
        return self._finish(Action.UNKNOWN, text)

    def _given_back_sick(self) -> tuple[str, ...]:
        """Those that have been in quarantine for long and run nothing; while something is unknown, none."""
        found, patience = self._found, timedelta(seconds=self._limits.cool_down_s)
        if found.unknown:
            return ()
        over = (w for w, since in found.sick.items() if self._now - since >= patience and w not in found.busy)
        return tuple(w for w in over if w not in found.going)

    # ---- the answer --------------------------------------------------------------------------------------------------

    def _hold(self, reason: str) -> Decision:
        return self._finish(Action.HOLD, reason)

    def _finish(
        self,
        action: Action,
        reason: str,
        *,
        starts: dict[str, int] | None = None,
        drains: tuple[str, ...] = (),
        keeps: tuple[str, ...] = (),
    ) -> Decision:
        found = self._found
        kept = tuple(dict.fromkeys((*found.kept, *keeps)))
        target = found.count()
        for kind, count in (starts or {}).items():
            target[kind] = target.get(kind, 0) + count
        for worker_id in keeps:
            kind = found.launched[worker_id]
            target[kind] = target.get(kind, 0) + 1
        for worker_id in drains:
            target[found.staying[worker_id]] -= 1
        sick = self._given_back_sick()
        reason += _counted(
            len(sick), "worker in quarantine is given back", "workers in quarantine are given back"
        )
        drains = (*drains, *sick)
        ready = [w for w in found.ready if w not in keeps]
        reason += _counted(len(ready), "idle worker is given back", "idle workers are given back")
        reason += _counted(
            len(found.ended),
            "that ended or did not join is given up",
            "that ended or did not join are given up",
        )
        going = {w: since for w, since in found.going.items() if w not in keeps and w not in ready}
        going |= dict.fromkeys(drains, self._now)
        released = {**found.released, **dict.fromkeys(ready, self._now)}
        memory = replace(self._memory, going=going, released=released, target=target)
        desired = max(self._least, sum(target.values()))
        signal = Signal(self._load, self._needs.waiting, len(found.here), desired)
        return Decision(
            action,
            reason,
            memory,
            signal,
            target,
            starts or {},
            found.again,
            drains,
            kept,
            (*found.ended, *ready),
            tuple(self._needs.notes[:10]),
        )


def _counted(count: int, one: str, more: str) -> str:
    return f"; {count} {one if count == 1 else more}" if count else ""


def _jobs(count: int) -> str:
    return "1 job waits" if count == 1 else f"{count} jobs wait"


def _become(count: int) -> str:
    return "becomes" if count == 1 else "become"


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"
