"""`tensorfleet sla`: what was promised in a month, and what was kept of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from tensorfleet.cli import completing, session
from tensorfleet.cli.session import AsJson

_NAMES = {"job_success": "job success", "queue_wait": "queue wait"}


def show(
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="A month (UTC); this one so far when left out.")
    ] = None,
    workspace: Annotated[
        str | None,
        typer.Option(help="Only the jobs of this workspace.", autocompletion=completing.workspaces),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which objectives were met, what is left of their error budgets, and what became of the jobs."""
    from tensorfleet.cli.output import emit_json, print_pairs, print_table, say

    with session.connect() as client:
        found = client.sla(month=month, workspace=workspace)
    if as_json:
        emit_json(found)
        return
    headers, rows = _objectives(found)
    print_table(headers, rows, empty="Nothing is promised: sla in tensorfleet.yaml has no objective.")
    whose = f"workspace {found['workspace']}" if found["workspace"] else "all workspaces"
    print_pairs(f"{found['month']}, {whose}", [*_about_api(found["api"]), *_about_jobs(found["jobs"])])
    several = found.get("workspaces") or []
    if len(several) > 1:
        columns = [
            "workspace",
            "submitted",
            "completed",
            "failed",
            "by platform",
            "success",
            "wait p95",
            "met",
        ]
        print_table(columns, [_row(one, found) for one in several], empty="")
    if found["api"].get("hint"):
        say(f"Note: {found['api']['hint']}.")


def _objectives(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """In a month that is not over with how fast the budgets burn: to the right, where a narrow terminal cuts."""
    burns = ["burn 1h", "burn 6h"] if any("burn" in one for one in found["objectives"]) else []
    headers = ["objective", "met", "target", "reached", "budget left", *burns]
    rows = [
        [
            _NAMES.get(one["name"], one["name"]),
            met(one["met"], found["complete"]),
            _target(one),
            percent(one["reached"]),
            percent(one["budget_left"]) if one["met"] is not None else "",
            *(_rate(one["burn"][name.removeprefix("burn ")]) for name in burns),
        ]
        for one in found["objectives"]
    ]
    return headers, rows


def _target(objective: dict[str, Any]) -> str:
    from tensorfleet.kit.units import format_duration

    limit_s = objective["limit_s"]
    return percent(objective["target"]) + (f" in {format_duration(limit_s)}" if limit_s else "")


def percent(share: float | None) -> str:
    """`99.5%`, `99.97%`, never rounded up to what was promised; empty for what nobody knows."""
    if share is None:
        return ""
    return f"{math.floor(1e4 * share + 1e-6) / 100:.2f}".rstrip("0").rstrip(".") + "%"


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.1f}x"


def met(value: bool | None, complete: bool) -> str:
    if value is None:
        return "unknown"
    return "no" if not value else "yes" if complete else "so far"


def _about_api(api: dict[str, Any]) -> Iterator[tuple[str, str]]:
    from tensorfleet.kit.units import format_duration

    times = [
        f"{name} {format_duration(api[f'{name}_s'])}"
        for name in ("up", "down", "unknown")
        if api[f"{name}_s"]
    ]
    yield "API", ", ".join(times)
    if api["requests"]:
        yield "requests", f"{api['requests']:,}, {percent(api['error_share'])} answered with 5xx"
    for one in api["latency"]:
        yield f"{one['route']} requests", _times(one)


def _about_jobs(jobs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    from tensorfleet.kit.units import format_duration

    ends = [f"{jobs[name]:,} {name}" for name in ("completed", "failed", "cancelled") if jobs[name]]
    yield "jobs", ", ".join([f"{jobs['submitted']:,} submitted", *ends])
    if jobs["failed"]:
        yield "failed by", ", ".join(f"{name} {count:,}" for name, count in jobs["failed_by_class"].items())
    yield "success", _success(jobs)
    yield "wait", _times(jobs["wait"])
    yield "still waiting", f"{jobs['waiting']:,}" if jobs["waiting"] else ""
    yield "assignment", _times(jobs["assignment"])
    yield "retries", f"{jobs['retries']:,}" if jobs["retries"] else ""
    lost = [(jobs[f"{name}_s"], name) for name in ("lost", "hung")]
    yield "work lost", ", ".join(f"{format_duration(seconds)} {name}" for seconds, name in lost if seconds)


def _success(jobs: dict[str, Any]) -> str:
    if jobs["success"] is None:
        return ""
    if not jobs["failed"] or jobs["platform_success"] is None:
        return percent(jobs["success"])
    own = percent(jobs["platform_success"])
    return f"{percent(jobs['success'])} of all, {own} without what jobs failed by themselves"


def _times(found: dict[str, Any]) -> str:
    """`p50 12 ms, p95 40 ms, p99 80 ms of 120`."""
    from tensorfleet.kit.units import format_duration

    if not found["count"]:
        return ""
    shown = ", ".join(f"{name} {format_duration(found[f'{name}_s'])}" for name in ("p50", "p95", "p99"))
    return f"{shown} of {found['count']:,}"


def _row(one: dict[str, Any], found: dict[str, Any]) -> list[str]:
    from tensorfleet.kit.units import format_duration

    jobs, wait = one["jobs"], one["jobs"]["wait"]["p95_s"]
    missed = [_NAMES.get(each["name"], each["name"]) for each in one["objectives"] if each["met"] is False]
    return [
        one["workspace"],
        f"{jobs['submitted']:,}",
        f"{jobs['completed']:,}",
        f"{jobs['failed']:,}",
        f"{jobs['failed_by_platform']:,}",
        percent(jobs["success"]),
        "" if wait is None else format_duration(wait),
        f"no: {', '.join(missed)}" if missed else met(True, found["complete"]),
    ]
