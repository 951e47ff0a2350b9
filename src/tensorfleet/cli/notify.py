"""`tensorfleet notify`: whether those who are to be told can be reached."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from tensorfleet.errors import NotFound, TensorFleetError, nearest

app = typer.Typer(no_args_is_help=True, help="Who is told of failed jobs, lost workers and full disks.")


@app.callback()
def notify() -> None:
    """Who is told of failed jobs, lost workers and full disks."""


@app.command("test")
def send_test(
    channel: Annotated[
        str | None, typer.Argument(help="One of `notify` in tensorfleet.yaml; all by default.")
    ] = None,
) -> None:
    """Send a message to each channel of this home's settings."""
    from tensorfleet.monitor.channels import send
    from tensorfleet.monitor.messages import TEST, Notice
    from tensorfleet.settings import load_settings

    settings = load_settings()
    channels = settings.notify
    names = [one.name for one in channels]
    if channel is not None and channel not in names:
        raise NotFound(
            f"there is no channel '{channel}' in notify of tensorfleet.yaml; {nearest(channel, names)}"
        )
    if not channels:
        raise NotFound("nobody is told of anything: there is no notify in tensorfleet.yaml")
    notice = Notice(0, TEST, datetime.now(UTC), "TensorFleet can reach you here; this is only a test")
    failed = False
    for one in channels:
        if channel in (None, one.name):
            try:
                send(one, [notice], settings.outgoing)
            except TensorFleetError as error:
                failed = True
                typer.echo(error.detail, err=True)
            else:
                typer.echo(f"{one.name}: sent by {one.type}")
    if failed:
        raise typer.Exit(1)
