"""`tensorfleet jobs files`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson, JobRef


def add_to(app: typer.Typer) -> None:
    app.command()(files)


def files(
    ref: JobRef,
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH...", help="Only these files, when saving.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="DIR", help="Write them below this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what a job's own code wrote where it ran, or save it."""
    from tensorfleet.cli.output import emit_json, print_table
    from tensorfleet.kit.units import format_bytes

    with session.connect() as client, session.transfers() as step:
        job = client.jobs.find(ref)
        if save is not None:
            job.download(save, paths or None, progress=step(f"receiving files of {job.name}"))
            sys.stdout.write(f"{save}\n")
            return
        found = [one for one in job.files() if not paths or one["path"] in paths]
    if as_json:
        emit_json(found)
        return
    rows = [(one["path"], format_bytes(one["bytes"]), one["sha256"][:12]) for one in found]
    print_table(("path", "size", "sha256"), rows, empty=f"Job {job.id} has kept no files.")
