"""`tensorfleet backup` and `tensorfleet restore`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tensorfleet.cli.session import AsJson

Home = Annotated[
    Path | None, typer.Option(help="Where state lives.  [default: TENSORFLEET_HOME or ~/.tensorfleet]")
]


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command()(backup)
    app.command()(restore)


def backup(
    target: Annotated[Path, typer.Argument(help="A folder that is not there yet, or a file *.tar.zst.")],
    without_secrets: Annotated[
        bool, typer.Option("--without-secrets", help="Leave out the token, keys, certificates and settings.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Copy the platform of this home, while it runs or not."""
    from tensorfleet.cli.output import emit_json
    from tensorfleet.kit.units import format_bytes
    from tensorfleet.settings import load_settings
    from tensorfleet.supervisor.backup import back_up

    made = back_up(load_settings(home=home), target, secrets=not without_secrets)
    if as_json:
        emit_json(
            {"path": str(target), "files": len(made.files), "bytes": made.size, "outside": made.outside}
        )
        return
    sys.stdout.write(f"{target}: {len(made.files)} files, {format_bytes(made.size)}\n")
    for name, where in made.outside.items():
        sys.stderr.write(f"not in it: {where} ({name}) lies elsewhere; back it up there\n")
    if without_secrets:
        sys.stderr.write(
            "without secrets: a home restored from it has a new token, and machines join it anew\n"
        )


def restore(
    source: Annotated[Path, typer.Argument(help="What `tensorfleet backup` has made.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a new home of a backup."""
    from tensorfleet.cli.output import emit_json
    from tensorfleet.settings import default_home
    from tensorfleet.supervisor.backup import restore as run

    where = home or default_home()
    listed = run(source, where)
    if as_json:
        emit_json({"home": str(where), "made_at": listed["made_at"], "files": len(listed["files"])})
        return
    sys.stdout.write(f"{where}: as of {listed['made_at']}\n")
    for name, place in listed["outside"].items():
        sys.stderr.write(f"not in it: {place} ({name}); the home needs it as it was then\n")
