"""The report as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from tensorfleet.sla.counts import ANSWER_EDGES_S, Counts, percentile
from tensorfleet.sla.figures import Api, Jobs
from tensorfleet.sla.model import Change, Name, Standing

UNITS = {
    Name.AVAILABILITY: "seconds",
    Name.SUBMISSION: "requests",
    Name.JOB_SUCCESS: "jobs",
    Name.QUEUE_WAIT: "jobs",
}
HINT = (
    "nothing asked whether the API answers; set sla.url to its address where the orchestrator cannot know it"
)
_WHAT = {
    Name.AVAILABILITY: "availability",
    Name.SUBMISSION: "submissions answered within {limit_s:g} s",
    Name.JOB_SUCCESS: "jobs not failed by the platform",
    Name.QUEUE_WAIT: "jobs started within {limit_s:g} s",
}
_SHARES = {"p50_s": 0.5, "p95_s": 0.95, "p99_s": 0.99}
_DIGITS = 6


def sentence_of(change: Change, workspace: str | None, standing: Standing, month: str) -> str:
    """What is told of a breach, and of its end."""
    objective = standing.objective
    happened = "is breached" if change is Change.BREACHED else "is kept again"
    whose = f" of workspace {workspace}" if workspace is not None else ""
    what = _WHAT[objective.name].format(limit_s=objective.limit_s)
    reached = f"{100 * (standing.tally.share or 0.0):.4g} %"
    return f"the SLA{whose} {happened} in {month}: {what} {reached}, promised {100 * objective.target:.4g} %"


def standing_to_dict(standing: Standing, burn: Mapping[str, float | None] | None = None) -> dict[str, Any]:
    objective, tally = standing.objective, standing.tally
    found = {
        "name": objective.name.value,
        "target": objective.target,
        "limit_s": objective.limit_s,
        "reached": _rounded(tally.share),
        "good": _rounded(tally.good),
        "total": _rounded(tally.total),
        "unit": UNITS[objective.name],
        "budget_left": _rounded(standing.budget_left),
        "met": standing.met,
    }
    return found if burn is None else {**found, "burn": {name: _rounded(rate) for name, rate in burn.items()}}


def jobs_to_dict(jobs: Jobs, edges: tuple[float, ...]) -> dict[str, Any]:
    return {
        "submitted": jobs.submitted,
        "completed": jobs.count("completed"),
        "failed": jobs.count("failed"),
        "cancelled": jobs.count("cancelled"),
        "failed_by_class": dict(sorted(jobs.failures.items())),
        "failed_by_platform": jobs.platform_failures,
        "success": _rounded(jobs.of_all.share),
        "platform_success": _rounded(jobs.of_platform.share),
        "wait": _times(jobs.waits, edges),
        "waiting": sum(jobs.waiting.values()),
        "assignment": _times(jobs.held.assignments, edges),
        "retries": sum(one.retries for one in jobs.ended),
        "steps_lost": sum(one.steps_lost for one in jobs.ended),
        "lost_s": _rounded(jobs.held.lost_s),
        "hung_s": _rounded(jobs.held.hung_s),
        "lost_cpu_s": _rounded(jobs.held.lost_cpu_s),
    }


def api_to_dict(api: Api, elapsed_s: float) -> dict[str, Any]:
    requests, errors = sum(api.counts().values()), api.errors()
    routes = sorted({one.route for one in api.answers})
    found = {
        "availability": _rounded(api.uptime.share),
        "up_s": _rounded(api.uptime.good),
        "down_s": _rounded(api.uptime.bad),
        "unknown_s": _rounded(max(0.0, elapsed_s - api.uptime.total)),
        "requests": requests,
        "errors": errors,
        "error_share": _rounded(errors / requests) if requests else None,
        "latency": [_route_to_dict(api, route) for route in routes],
    }
    return found if api.uptime.total else {**found, "hint": HINT}


def _route_to_dict(api: Api, route: str) -> dict[str, Any]:
    return {"route": route, "errors": api.errors(route), **_times(api.counts(route), ANSWER_EDGES_S)}


def _times(counts: Counts, edges: tuple[float, ...]) -> dict[str, Any]:
    return {
        "count": sum(counts.values()),
        **{name: _rounded(percentile(counts, share, edges)) for name, share in _SHARES.items()},
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def to_csv(report: Mapping[str, Any]) -> str:
    """A line for all together, or for the workspace that was asked for, then one for each: everything but the burn rates."""
    rows = [_flat({**report, "workspace": report["workspace"] or ""}, report)]
    rows += [_flat(one, report) for one in report.get("workspaces", ())]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(found: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"month": report["month"], "workspace": _as_text(found["workspace"])}
    for objective in found["objectives"]:
        for name in ("target", "limit_s", "reached", "budget_left", "met"):
            row[f"{objective['name']}.{name}"] = objective[name]
    for part in ("jobs", "api"):
        for name, value in found.get(part, {}).items():
            if isinstance(value, dict):
                row |= {f"{part}.{name}.{inner}": figure for inner, figure in value.items()}
            elif isinstance(value, list):
                row |= _latency_columns(value)
            else:
                row[f"{part}.{name}"] = value
    return row


def _latency_columns(routes: list[dict[str, Any]]) -> dict[str, Any]:
    return {f"api.{one['route']}.{name}": one[name] for one in routes for name in one if name != "route"}


def _as_text(value: str) -> str:
    """Nothing that a spreadsheet would take for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
