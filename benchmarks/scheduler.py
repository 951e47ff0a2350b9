"""The scheduler on traces, beside other policies and plain first come, first served; and how fast it decides."""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from typing import Any

from benchmarks.report import table, write
from benchmarks.scheduler_simulation import Result, Simulation, fleet_of
from benchmarks.scheduler_speed import measure
from benchmarks.scheduler_traces import SHAPES, load
from tensorfleet.scheduling.model import Decision, Place, Policy, Snapshot
from tensorfleet.scheduling.placement import Choice, choose
from tensorfleet.scheduling.room import Fleet
from tensorfleet.scheduling.scheduler import schedule


def first_come(snapshot: Snapshot) -> tuple[Decision, ...]:
    """The baseline: strictly by arrival; the first job that does not fit holds up all behind it."""
    views = {view.id: view for view in snapshot.workers}
    free = Fleet.of(views.values())
    places: list[Decision] = []
    for job in sorted(snapshot.queue, key=lambda job: (job.queued_at, job.id)):
        rooms = free.rooms(job.demand)
        count = min(job.workers, sum(rooms.values()))
        if count < job.min_workers:
            break
        worker_ids = choose(Policy.RESOURCE_FIT, Choice(job, count, rooms, views, free))
        free.take(worker_ids, job.demand)
        places.append(Place(job.id, worker_ids))
    return tuple(places)


def figures(result: Result) -> dict[str, Any]:
    trace = result.trace
    waits = sorted(result.waits_s.values())
    asked: dict[str, float] = {}
    largest = max(job.workers for job in trace.jobs)
    for job in trace.jobs:
        asked[job.workspace] = asked.get(job.workspace, 0.0) + job.workers * job.run_s
    got = [result.busy.get(workspace, 0.0) / amount for workspace, amount in asked.items()]
    gang_waits = [
        result.waits_s[f"j{i:05}"]
        for i, job in enumerate(trace.jobs)
        # One of low priority may wait for ever by right.
        if job.workers == largest and job.priority <= 1
    ]
    errors = [abs(expected - true) for expected, true in result.forecasts]
    capacity = trace.nodes * trace.slots * trace.jobs[-1].at_s
    return {
        "jobs": len(waits),
        "utilisation": sum(result.busy.values()) / capacity,
        "median_wait_s": statistics.median(waits),
        "p95_wait_s": waits[int(0.95 * len(waits))],
        "mean_wait_s": statistics.mean(waits),
        "jain": sum(got) ** 2 / (len(got) * sum(share**2 for share in got)),
        "largest_gang": largest,
        "largest_gang_longest_wait_s": max(gang_waits),
        "preemptions": result.preemptions,
        "resizes": result.resizes,
        "passes": result.passes,
        "forecasts": len(errors),
        "forecasts_unknown": result.unknown,
        "forecast_median_error_s": statistics.median(errors) if errors else None,
        "forecast_median_wait_s": statistics.median(true for _, true in result.forecasts) if errors else None,
    }


def compare(name: str) -> dict[str, dict[str, Any]]:
    """One trace under every policy and the baseline."""
    trace = load(name)
    fleet = fleet_of(trace)
    found = {}
    for policy in Policy:
        simulation = Simulation(
            trace, schedule, replace(fleet, policy=policy), forecast=policy is Policy.RESOURCE_FIT
        )
        found[policy.value] = figures(simulation.run())
        print(f"  {name}: {policy.value} done", file=sys.stderr, flush=True)
    found["first_come"] = figures(Simulation(trace, first_come, fleet).run())
    return found


def _show(name: str, about: str, found: dict[str, dict[str, Any]]) -> None:
    rows = [
        (
            label,
            f"{of['utilisation']:.1%}",
            f"{of['median_wait_s'] / 60:.1f}",
            f"{of['p95_wait_s'] / 60:.0f}",
            f"{of['jain']:.3f}",
            f"{of['largest_gang_longest_wait_s'] / 60:.0f}",
            str(of["preemptions"]),
        )
        for label, of in found.items()
    ]
    ours = found["resource_fit"]
    gang = f"gang of {ours['largest_gang']}"
    head = ("minutes", "utilisation", "median wait", "p95 wait", "Jain", gang, "preempted")
    table(f"{name}: {about} ({ours['jobs']} jobs)", rows, head)
    if ours["forecasts"]:
        print(
            f"  expected start: median error {ours['forecast_median_error_s'] / 60:.1f} min, "
            f"where the median wait is {ours['forecast_median_wait_s'] / 60:.1f} min "
            f"({ours['forecasts']} asked when submitted, {ours['forecasts_unknown']} unknown)"
        )


def main() -> None:
    found = {}
    for shape in SHAPES:
        found[shape.name] = compare(shape.name)
        _show(shape.name, shape.about, found[shape.name])
    speed = measure()
    rows = [(what, f"{of['median_ms']:.1f}", f"{of['worst_ms']:.1f}") for what, of in speed.items()]
    table(
        "10,000 jobs wait, 100 workers of 10 slots, 1,000 jobs run", rows, ("milliseconds", "median", "worst")
    )
    write("scheduler", {"traces": found, "speed": speed})


if __name__ == "__main__":
    main()
