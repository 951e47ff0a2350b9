"""`tensorfleet audit`: who did what, and whether the record of it is whole."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson

app = typer.Typer(no_args_is_help=True, help="See who did what, and whether the record of it is whole.")

Actor = Annotated[str | None, typer.Option(help="Only of this one: an id or a name.")]
Action = Annotated[
    str | None, typer.Option(help="Only this, such as jobs.cancel, or jobs for all of jobs.*.")
]
Target = Annotated[str | None, typer.Option(help="Only what was done to this, such as a job's id.")]
Workspace = Annotated[str | None, typer.Option(help="Only this workspace.")]
Begin = Annotated[datetime | None, typer.Option("--from", help="From this instant on (UTC).")]
End = Annotated[datetime | None, typer.Option("--to", help="Before this instant (UTC).")]


@app.command("list")
def list_entries(
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    workspace: Workspace = None,
    begin: Begin = None,
    end: End = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what was done, the newest first."""
    from tensorfleet.cli.output import emit_json, print_table

    wanted = {"actor": actor, "action": action, "target": target, "workspace": workspace}
    with session.connect() as client:
        found = list(client.audit.list(**wanted, begin=_utc(begin), end=_utc(end), limit=limit))
    if as_json:
        emit_json(found)
        return
    headers = ["seq", "at", "who", "from", "action", "target", "outcome"]
    print_table(headers, [_row(entry) for entry in found], empty="Nothing of the kind was done.")


@app.command()
def verify(
    home: Annotated[
        Path | None, typer.Option(help="Read this home's stores themselves, without asking the platform.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that no entry was changed, removed, moved or added; ends with exit code 1 if one was."""
    from tensorfleet.cli.output import emit_json

    found = _verified(home)
    if as_json:
        emit_json(found)
    elif found["ok"]:
        sys.stdout.write(f"{told_of(found)}\n")
    if not found["ok"]:
        problem = found["problem"]
        named = f" ({problem['id']})" if problem["id"] else ""
        sys.stderr.write(f"Error: entry {problem['seq']}{named} of the audit log: {problem['what']}\n")
        raise typer.Exit(1)


@app.command()
def export(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file.  [default: stdout]")] = None,
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    workspace: Workspace = None,
    begin: Begin = None,
    end: End = None,
) -> None:
    """Write entries as lines of JSON, the oldest first."""
    from tensorfleet.cli.output import say

    wanted = {"actor": actor, "action": action, "target": target, "workspace": workspace}
    with session.connect() as client:
        entries = client.audit.export(**wanted, begin=_utc(begin), end=_utc(end))
        if output is None:
            for entry in entries:
                sys.stdout.write(json.dumps(entry) + "\n")
            return
        part = output.with_name(f".{output.name}.part")
        with part.open("w") as file:
            written = sum(1 for entry in entries if file.write(json.dumps(entry) + "\n"))
        part.replace(output)
        say(f"{written} entries are in {output}.")


def told_of(verdict: dict[str, Any]) -> str:
    if not verdict["entries"]:
        return "The audit log is empty."
    return (
        f"The audit log is whole: {verdict['entries']} entries, {verdict['first']} to {verdict['last']}, "
        "are as they were written."
    )


def _verified(home: Path | None) -> dict[str, Any]:
    if home is None:
        with session.connect() as client:
            return client.audit.verify()
    from tensorfleet.audit.offline import verify_home
    from tensorfleet.audit.schemas import verdict_to_dict

    return verdict_to_dict(verify_home(home))


def _utc(instant: datetime | None) -> datetime | None:
    return instant.replace(tzinfo=UTC) if instant is not None and instant.tzinfo is None else instant


def _row(entry: dict[str, Any]) -> list[str]:
    times = f" x{entry['count']}" if entry["count"] > 1 else ""
    outcome = "not answered" if entry["outcome"] is None else str(entry["outcome"])
    return [
        str(entry["seq"]),
        (entry["at"] or "")[:19].replace("T", " "),
        entry["actor_name"] or entry["actor_id"] or "",
        entry["source"] or "",
        f"{entry['action']}{times}",
        entry["target"] or "",
        outcome,
    ]
