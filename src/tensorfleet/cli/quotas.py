"""`tensorfleet workspaces quota`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson
from tensorfleet.errors import InvalidInput, nearest

_SIZES = ("memory_bytes", "dataset_bytes")
_COUNTS = ("slots", "queued_jobs", "jobs_per_day")
_AMOUNTS = ("cpus", "gpus", "weight")
NAMES = (*_COUNTS, *_AMOUNTS, *_SIZES)
UNLIMITED = "none"


def quota(
    name: Annotated[str, typer.Argument(metavar="WORKSPACE")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="LIMIT=VALUE",
            help="Change one limit, such as gpus=4 or memory_bytes=64GiB; none lifts it.",
        ),
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Take back what was set: the settings hold again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a workspace may take and takes, or change it: at once, without a restart."""
    from tensorfleet.cli.output import emit_json

    if settings and reset:
        raise typer.BadParameter("use --set or --reset, and not both")
    changes = dict(map(_parsed, settings or ()))
    with session.connect() as client:
        if reset:
            found = client.access.reset_quota(name)
        elif changes:
            known = client.access.quota(name)["limits"]
            wanted = {limit: value for limit, value in {**known, **changes}.items() if value is not None}
            found = client.access.set_quota(name, **wanted)
        else:
            found = client.access.quota(name)
    if as_json:
        emit_json(found)
    else:
        _show(found)


def _parsed(setting: str) -> tuple[str, Any]:
    limit, equals, text = setting.partition("=")
    if not equals or limit not in NAMES:
        hint = nearest(limit, NAMES) if equals else "write it as LIMIT=VALUE, such as gpus=4"
        raise InvalidInput(f"there is no limit '{limit[:40]}'; {hint}")
    if text.strip().lower() == UNLIMITED:
        return limit, None
    if limit in _SIZES:
        return limit, text  # the server reads 64GiB as well
    try:
        return limit, int(text) if limit in _COUNTS else float(text)
    except ValueError as error:
        raise InvalidInput(f"{limit} has to be a number or {UNLIMITED}, but is '{text[:40]}'") from error


def _show(found: dict[str, Any]) -> None:
    from tensorfleet.cli.output import print_table, say

    rows = [
        (limit, _told(limit, found["used"].get(limit)), _told(limit, found["limits"][limit]) or "no limit")
        for limit in NAMES
    ]
    print_table(("limit", "used", "of"), rows, empty="")
    if found["source"] == "settings":
        say("It is from the server's settings (quotas).")


def _told(limit: str, value: float | None) -> str:
    from tensorfleet.kit.units import format_bytes

    if value is None:
        return ""
    return format_bytes(value) if limit in _SIZES else f"{value:g}"
