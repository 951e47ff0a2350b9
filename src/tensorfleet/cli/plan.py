"""`tensorfleet plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson
from tensorfleet.cli.submit import with_settings


def plan(
    file: Annotated[Path, typer.Argument(metavar="JOB_FILE", help="The job, as YAML or JSON.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set one field, such as resources.workers=2."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what would happen to a job if it were submitted now; nothing is uploaded or kept."""
    from tensorfleet.cli.output import emit_json, print_pairs

    submission = with_settings(file, settings)
    with session.connect() as client:
        answer = client.plan(submission)
    if as_json:
        emit_json(answer)
        return
    title = "It would start at once" if answer["starts_now"] else "It would wait"
    print_pairs(title, _told(answer))


def _told(answer: dict[str, Any]) -> list[tuple[str, str]]:
    from tensorfleet.cli.waiting import told

    workers = (answer.get("evidence") or {}).get("worker_ids") or []
    ranks = [f"{name} x {workers.count(name)}" for name in dict.fromkeys(workers)]
    if answer["starts_now"]:
        return [("on", ", ".join(ranks))]
    return told(answer)
