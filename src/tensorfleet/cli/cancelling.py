"""`tensorfleet jobs cancel-all`: several jobs at once."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tensorfleet.cli import completing, session
from tensorfleet.cli.session import AsJson


def add_to(app: typer.Typer) -> None:
    """Registers the command."""
    app.command("cancel-all")(cancel_all)


def cancel_all(
    status: Annotated[str | None, typer.Option(help="Only jobs in this status.")] = None,
    name: Annotated[str | None, typer.Option(help="Only jobs of this name.")] = None,
    study: Annotated[str | None, typer.Option(help="Only trials of this study, an id or a name.")] = None,
    workspace: Annotated[
        str | None, typer.Option(help="Only jobs of this workspace.", autocompletion=completing.workspaces)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Stop all jobs that have something in common, and have not ended, for good."""
    from tensorfleet.cli.output import emit_json

    having = {"status": status, "name": name, "workspace": workspace}
    if not any((*having.values(), study)):
        raise typer.BadParameter("say which: --status, --name, --study or --workspace")
    with session.connect() as client:
        if study is not None:
            having["study"] = client.studies.find(study).id
        found = client.jobs.cancel(**{key: value for key, value in having.items() if value is not None})
    if as_json:
        emit_json(list(found.values()))
        return
    for job_id, one in found.items():
        told = "cancel requested" if "job" in one else one["detail"]
        sys.stdout.write(f"{job_id}: {told}\n")
    if not found:
        sys.stdout.write("There is no such job that has not ended.\n")
