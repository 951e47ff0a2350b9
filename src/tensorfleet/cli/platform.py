"""The commands that start and stop processes of the platform."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
