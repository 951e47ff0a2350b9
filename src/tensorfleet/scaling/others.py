"""For a fleet that somebody else starts and stops (an HPA, KEDA, a person): what was wanted last counts as asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tensorfleet.fleet.ports import Launched, LaunchState
from tensorfleet.scaling.model import Awaited, FleetView, Limits, Memory


def as_launched(view: FleetView, limits: Limits, memory: Memory) -> tuple[FleetView, Memory]:
    """The same question as if all workers had been launched, and those that are missing or too many were on their way.

    What was wanted and has not come about after `join_s` is forgotten: the fleet is then what it is.
    """
    now, kind = view.snapshot.now, limits.types[0].name
    here = [w.id for w in view.snapshot.workers if w.id not in view.lost]
    changed_at = memory.changed_at
    pending = changed_at is not None and now - changed_at <= timedelta(seconds=limits.join_s)
    wanted = sum(memory.target.values()) if pending else len(here)
    missing = [f"wanted-{number}" for number in range(1, wanted - len(here) + 1)]
    busy = {w for job in view.snapshot.running for w in job.worker_ids}
    leaving = sorted(here, key=lambda w: (w in busy, w))[: max(0, len(here) - wanted)]
    launched = (
        *(Launched(w, kind, LaunchState.UP) for w in here),
        *(Launched(w, kind, LaunchState.STARTING) for w in missing),
    )
    asked = replace(
        memory,
        awaited={w: Awaited(kind, now) for w in missing},
        released=dict.fromkeys(leaving, now),
        going={},
        joined={},
    )
    return replace(view, launched=launched), asked
