"""`tensorfleet jobs evaluation`: what a job's model is worth, as tables and small plots of characters."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson, JobRef

_WIDTH = 24
_MOST_CLASSES = 12


def add_to(app: typer.Typer) -> None:
    """Registers the command."""
    app.command("evaluation")(evaluation)


def evaluation(
    ref: JobRef,
    as_json: AsJson = False,
) -> None:
    """Show what a job's model is worth: confusion, curves, calibration, residuals, columns that matter."""
    from tensorfleet.cli.output import emit_json, print_pairs

    with session.connect() as client:
        job = client.jobs.find(ref)
        found = job.evaluation()
    if as_json:
        emit_json(found)
        return
    shown = found["evaluation"]
    print_pairs(f"{job.name}  {job.id}", _head(found["metrics"], shown))
    details = shown.get("details") or {}
    _folds(shown)
    _confusion(shown)
    for part in (_curves, _calibration, _residuals, _importance):
        part(details)


def _head(metrics: dict[str, Any], shown: dict[str, Any]) -> list[tuple[str, str]]:
    from tensorfleet.cli.output import values

    split = shown.get("split") or {}
    rows = split.get("rows") or {}
    parts = ", ".join(f"{count} {name}" for name, count in rows.items() if count)
    by = f"{split['by']}{' of ' + split['column'] if split.get('column') else ''}: {parts}" if split else ""
    return [
        ("task", str(shown.get("task") or "").replace("_", " ")),
        ("target", str(shown.get("target") or "")),
        ("split", by),
        ("metrics", values(metrics)),
        ("validation", values(shown.get("validation") or {})),
    ]


def _folds(shown: dict[str, Any]) -> None:
    from tensorfleet.cli.output import number

    found = shown.get("cross_validation")
    if found:
        rows = [(name, number(one["mean"]), number(one["std"])) for name, one in found["metrics"].items()]
        _table(("metric", f"mean of {found['folds']} folds", "deviation"), rows)


def _confusion(shown: dict[str, Any]) -> None:
    labels, counts = shown.get("labels"), shown.get("confusion")
    if labels and counts and len(labels) <= _MOST_CLASSES:
        rows = [(str(label), *map(str, row)) for label, row in zip(labels, counts, strict=True)]
        _table(("truth \\ predicted", *map(str, labels)), rows)


def _curves(details: dict[str, Any]) -> None:
    from tensorfleet.cli.charts import sparkline
    from tensorfleet.cli.output import number

    rows = [
        (
            str(one["class"]),
            number(one["auc"]),
            sparkline(one["roc"]["true_positive_rate"], _WIDTH),
            number(one["average_precision"]),
            sparkline(one["pr"]["precision"], _WIDTH),
        )
        for one in details.get("curves") or []
    ]
    _table(("class", "area under roc", "roc", "average precision", "precision by recall"), rows)


def _calibration(details: dict[str, Any]) -> None:
    from tensorfleet.cli.output import number

    found = details.get("calibration") or {}
    rows = [
        (
            f"{one['from']:.1f} to {one['to']:.1f}",
            str(one["rows"]),
            number(one["predicted"]),
            number(one["observed"]),
            _bar(one["observed"]),
        )
        for one in found.get("bins") or []
    ]
    _table((f"said of {found.get('of')}", "rows", "on average", "came true", ""), rows)


def _residuals(details: dict[str, Any]) -> None:
    from tensorfleet.cli.output import number

    found = (details.get("residuals") or {}).get("histogram")
    if found:
        most = max(found["counts"]) or 1
        edges = [number(edge) for edge in found["edges"]]
        rows = [
            (f"{low} to {high}", str(count), _bar(count / most))
            for low, high, count in zip(edges, edges[1:], found["counts"], strict=False)
        ]
        _table(("residual", "rows", ""), rows)


def _importance(details: dict[str, Any]) -> None:
    from tensorfleet.cli.output import number

    found = details.get("importance")
    if found and found["columns"]:
        most = max(one["importance"] for one in found["columns"]) or 1.0
        rows = [
            (one["column"], number(one["importance"]), _bar(one["importance"] / most))
            for one in found["columns"]
        ]
        _table(("column", f"importance by {found['by'].replace('_', ' ')}", ""), rows)


def _table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from tensorfleet.cli.output import print_table

    if rows:
        sys.stdout.write("\n")
        sys.stdout.flush()
        print_table(headers, rows, empty="")


def _bar(share: float) -> str:
    return "█" * round(max(0.0, min(1.0, share)) * _WIDTH)
