"""What the commands share: the connection, common arguments, and bars for what is sent and received."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tensorfleet.cli import completing

if TYPE_CHECKING:
    from tensorfleet.sdk.client import Client
    from tensorfleet.sdk.progress import Step

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
JobRef = Annotated[
    str,
    typer.Argument(
        metavar="JOB",
        help="An id, the beginning of one, or a name (the latest job of it).",
        autocompletion=completing.jobs,
    ),
]


def connect() -> Client:
    """A client for the server that the environment or the home names."""
    from tensorfleet.sdk.client import Client

    return Client()


@contextmanager
def transfers() -> Iterator[Step]:
    """Gives each upload or download a bar on stderr; without a terminal, one line that it begins."""
    from tensorfleet.cli.output import printable, say, screen

    console = screen(stderr=True)
    if not console.is_terminal:
        yield lambda what: say(printable(what))
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:

        def start(what: str) -> Callable[[int, int], None]:
            task = bars.add_task(printable(what), total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield start
