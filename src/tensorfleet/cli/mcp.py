"""`tensorfleet mcp`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from tensorfleet.errors import InvalidInput


def mcp(
    read_only: Annotated[bool, typer.Option("--read-only", help="Offer only tools that read.")] = False,
    workspace: Annotated[
        str | None, typer.Option(help="Where jobs go, and whose jobs, datasets and models are listed.")
    ] = None,
    files: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            file_okay=False,
            exists=True,
            help="Jobs may name data and code below this folder; without it, none of this machine.",
        ),
    ] = None,
) -> None:
    """Let an agent use the platform, over the Model Context Protocol on stdin and stdout, with the rights of your key."""
    if find_spec("mcp") is None:
        raise InvalidInput(
            "this needs the package mcp, which is not installed here: pip install 'tensorfleet[mcp]'"
        )
    from tensorfleet.mcp.server import serve
    from tensorfleet.sdk.client import Client

    with Client(workspace=workspace) as client:
        serve(client, read_only=read_only, files=files)
