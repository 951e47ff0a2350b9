"""`tensorfleet jobs leaderboard`: what a job of `auto` has tried."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson, JobRef

_WIDTH = 60


def add_to(app: typer.Typer) -> None:
    """Registers the command."""
    app.command("leaderboard")(leaderboard)


def leaderboard(
    ref: JobRef,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the best first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what a job of `auto` has tried, the best first; also while it runs."""
    from tensorfleet.cli.output import emit_json, print_table

    with session.connect() as client:
        found = client.jobs.find(ref).leaderboard()
    if as_json:
        emit_json(found)
        return
    metric = str(found[0].get("metric") or "score") if found else "score"
    headers = ("number", "family", metric, "±", "seconds", "weight", "hyperparameters")
    print_table(headers, [_row(one) for one in found[:limit]], empty="It has not tried anything yet.")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    from tensorfleet.cli.output import number, values

    weight, failed = one.get("weight") or 0.0, one.get("score") is None
    about = str(one.get("reason") or "") if failed else values(one.get("hyperparameters") or {})
    return (
        str(one["number"]),
        str(one.get("family") or ""),
        "failed" if failed else number(one["score"]),
        "" if failed else number(one.get("std") or 0.0),
        f"{one.get('seconds') or 0.0:.2f}",
        f"{weight:.2f}" if weight else "",
        about if len(about) <= _WIDTH else f"{about[: _WIDTH - 3]}...",
    )
