"""A run's report, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tensorfleet.testing.chaos.run import Report

MOST_SHOWN = 20


def to_dict(report: Report) -> dict[str, Any]:
    options, verdict = report.plan.options, report.verdict
    return {
        "verdict": "good" if report.good else "bad",
        "options": asdict(options),
        "database": report.database,
        "seconds": round(report.seconds, 1),
        "jobs": dict(verdict.jobs),
        "attempts": verdict.attempts,
        "attempts_made_good": dict(verdict.attempt_ends),
        "log_lines": verdict.lines,
        "metric_points": verdict.points,
        "faults": dict(report.faults),
        "calls_repeated": dict(report.refused),
        "restarts": report.restarts,
        "problems": [asdict(problem) for problem in report.problems],
        "home": str(report.home) if report.home else None,
    }


def to_text(report: Report) -> str:
    """Counts, and each problem with its job; where the logs are when there are problems."""
    verdict = report.verdict
    lines = [
        _head(report),
        f"  ended      {_counts(verdict.jobs)}",
        f"  faults     {_counts(report.faults)}",
        f"  attempts   {verdict.attempts}; made good: {_counts(verdict.attempt_ends)}",
        f"  delivered  {verdict.lines} log lines, {verdict.points} metric points",
        f"  repeated   {_counts(report.refused)}",
        f"  restarted  {_counts(report.restarts)}",
    ]
    if report.good:
        lines.append("verdict: good. Every job has one right end; nothing is lost, doubled or left over.")
        return "\n".join(lines)
    shown = report.problems[:MOST_SHOWN]
    lines += [f"  {problem.job or 'fleet'}: {problem.check}: {problem.detail}" for problem in shown]
    lines.append(
        f"verdict: BAD, {len(report.problems)} problems; logs and database are kept in {report.home}"
    )
    return "\n".join(lines)


def _head(report: Report) -> str:
    options = report.plan.options
    agents = f"{options.real} real and {options.simulated} simulated agents"
    where = f"{report.database}, seed {options.seed}"
    return f"{len(report.plan.jobs)} jobs on {agents}, {where}: {report.seconds:.0f} s"


def _counts(found: Mapping[str, int]) -> str:
    counted = Counter(found)
    return ", ".join(f"{count} {name}" for name, count in counted.most_common()) or "none"
