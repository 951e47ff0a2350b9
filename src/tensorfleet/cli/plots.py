"""`tensorfleet jobs plots`: what was measured of a model, as pictures in files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson, JobRef


def add_to(app: typer.Typer) -> None:
    """Registers the command."""
    app.command("plots")(plots)


def plots(
    ref: JobRef,
    save: Annotated[Path | None, typer.Option(help="A folder that gets each picture as NAME.svg.")] = None,
    as_json: AsJson = False,
) -> None:
    """List or save pictures of what was measured: confusion, ROC, calibration, residuals, importance, learning curves."""
    from tensorfleet.cli.output import emit_json
    from tensorfleet.sdk.local_files import inside

    with session.connect() as client:
        job = client.jobs.find(ref)
        names = job.plots()
        files = [] if save is None else [job.save_plot(name, inside(save, f"{name}.svg")) for name in names]
    if as_json:
        emit_json({"job_id": job.id, "plots": names, "files": [str(file) for file in files]})
    elif not names:
        sys.stdout.write("Nothing is recorded of this job that could be drawn.\n")
    else:
        sys.stdout.write("".join(f"{one}\n" for one in (files or names)))
