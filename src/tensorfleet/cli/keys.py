"""`tensorfleet keys`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from tensorfleet.cli import completing, session
from tensorfleet.cli.session import AsJson

app = typer.Typer(no_args_is_help=True, help="Make and end keys for programs.")

MANY_SCOPES = 6


@app.command("list")
def list_keys(
    user: Annotated[str | None, typer.Option(help="Whose; yours if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """List keys, without their texts."""
    from tensorfleet.cli.output import ago, emit_json, print_table

    with session.connect() as client:
        found = client.access.keys(user)
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            one["key_id"],
            one["name"],
            one["workspace"] or "any",
            "all" if len(one["scopes"]) > MANY_SCOPES else " ".join(one["scopes"]),
            "" if one["valid"] else "ended",
            ago(one["last_used_at"]) if one["last_used_at"] else "never",
        )
        for one in found
    ]
    empty = "There are no keys; make one with `tensorfleet keys add NAME`."
    print_table(("id", "name", "workspace", "scopes", "state", "used"), rows, empty=empty)


@app.command("add")
def add_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for, such as ci.")],
    user: Annotated[str | None, typer.Option(help="Whose key; yours if left out.")] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do, such as jobs:write; may be repeated.")
    ] = None,
    workspace: Annotated[
        str | None,
        typer.Option(help="The only one that it is good for.", autocompletion=completing.workspaces),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="How long it is good; for ever if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it; nobody can see it again."""
    from tensorfleet.cli.output import emit_json

    ends = datetime.now(UTC) + timedelta(days=days) if days else None
    with session.connect() as client:
        found = client.access.add_key(
            name, user=user, scopes=scope or (), workspace=workspace, expires_at=ends
        )
    if as_json:
        emit_json(found)
        return
    sys.stderr.write("Keep it safe, it is not shown again; programs send it as TENSORFLEET_TOKEN:\n")
    sys.stdout.write(f"{found['key']}\n")


@app.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(metavar="KEY", help="Its id.")]) -> None:
    """End a key, at once."""
    with session.connect() as client:
        client.access.revoke_key(key_id)
    sys.stdout.write(f"Revoked {key_id}.\n")
