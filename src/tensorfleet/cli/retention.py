"""`tensorfleet retention`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson

app = typer.Typer(no_args_is_help=True, help="See and remove what is older than the settings keep it.")


@app.command("plan")
def show_plan(as_json: AsJson = False) -> None:
    """Show what the next sweep would remove, how much room that frees, and what stays and why."""
    from tensorfleet.cli.output import emit_json

    with session.connect() as client:
        found = client.retention.plan()
    if as_json:
        emit_json(found)
        return
    _show(found, "would go")


@app.command("sweep")
def sweep(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, as_json: AsJson = False
) -> None:
    """Remove now what is older than the settings keep it."""
    from tensorfleet.cli.output import emit_json

    if not yes:
        typer.confirm("Remove for good what `tensorfleet retention plan` shows?", abort=True)
    with session.connect() as client:
        found = client.retention.sweep()
    if as_json:
        emit_json(found)
        return
    _show(found, "removed")


def _show(found: dict[str, Any], done: str) -> None:
    from tensorfleet.cli.output import ago, print_table
    from tensorfleet.kit.units import format_bytes

    rows = [
        (one["kind"], one["job_id"], one["name"], one["workspace"], ago(one["finished_at"]), what)
        for one, what in [
            *((one, format_bytes(one["bytes"])) for one in found["remove"]),
            *((one, f"stays: {one['why']}") for one in found["keep"]),
        ]
    ]
    headers = ("kind", "job", "name", "workspace", "ended", "room")
    print_table(headers, rows, empty="Nothing is older than `retention` in tensorfleet.yaml keeps it.")
    more = ", and there is more" if found["more"] else ""
    sys.stderr.write(f"{len(found['remove'])} {done}, {format_bytes(found['bytes'])}{more}.\n")
