"""What commands print: tables, pairs, times and JSON; without escape codes where no terminal reads it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

STATUS_STYLES = {
    "queued": "yellow",
    "running": "cyan",
    "paused": "magenta",
    "completed": "green",
    "failed": "bold red",
    "cancelled": "bright_black",
    "online": "green",
    "draining": "yellow",
    "lost": "red",
    "ok": "green",
    "degraded": "yellow",
    "fix": "red",
    "note": "yellow",
}

_GIVE_WAY = frozenset({"name", "metrics", "course", "description", "aliases", "found", "column"})
"""Columns that are cut when the terminal is narrow; ids, states and numbers are not."""


def screen(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr; it prints text as it is, without markup or guessed colours."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(text: str) -> None:
    """A remark for the person, on stderr, so that stdout holds only what was asked for."""
    screen(stderr=True).print(text)


def emit_json(data: Any) -> None:
    """`data` as JSON, the only thing on stdout."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n")


def emit_json_line(data: Any) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """A table that fits the terminal's width, at the cost of long texts; whole where there is no terminal."""
    from rich.table import Table

    found = [[printable(cell) for cell in row] for row in rows]
    if not found:
        say(empty)
        return
    console = screen()
    if not console.is_terminal:
        _plain_table([[header.upper() for header in headers], *found])
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, header in enumerate(headers):
        widest = max(len(row[index]) for row in [list(headers), *found])
        least = min(widest, 8) if header in _GIVE_WAY else widest
        table.add_column(header, no_wrap=True, overflow="ellipsis", min_width=least)
    for row in found:
        table.add_row(*(styled(cell) for cell in row))
    console.print(table, soft_wrap=False)


def print_pairs(title: str, pairs: Iterable[tuple[str, str]]) -> None:
    """A title and named values below it; pairs with an empty value are left out."""
    from rich.text import Text

    shown = [(name, printable(value)) for name, value in pairs if value]
    width = max((len(name) for name, _ in shown), default=0)
    console = screen()
    console.print(Text(printable(title), style="bold"))
    for name, value in shown:
        console.print(Text.assemble("  ", (name.ljust(width), "dim"), "  ", styled(value)))


def styled(cell: str) -> Text:
    """The cell as rich text, coloured when it is a status."""
    from rich.text import Text

    return Text(cell, style=STATUS_STYLES.get(cell, ""))


def printable(value: object) -> str:
    """Text of others on one line, without anything that could steer the terminal."""
    return "".join(char if char.isprintable() else " " for char in str(value))


def ago(instant: str | None, now: datetime | None = None) -> str:
    """`just now`, `3 min ago`, `2 h ago`, `5 days ago` for an RFC 3339 time; empty for none."""
    if not instant:
        return ""
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(instant)).total_seconds()
    if seconds < 10:
        return "just now"
    for unit, size, limit in (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 86400)):
        if seconds < limit:
            return f"{int(seconds // size)} {unit} ago"
    days = int(seconds // 86400)
    return f"{days} day{'' if days == 1 else 's'} ago"


def took(started: str | None, finished: str | None, now: datetime | None = None) -> str:
    """How long from start to finish, or until now; empty when it has not started."""
    from tensorfleet.kit.units import format_duration

    if not started:
        return ""
    end = datetime.fromisoformat(finished) if finished else (now or datetime.now(UTC))
    return format_duration(max(0.0, (end - datetime.fromisoformat(started)).total_seconds()))


def number(value: object) -> str:
    """A metric's value in few digits: `0.971`, `12.4`, `1.2e-05`."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def values(metrics: Mapping[str, object]) -> str:
    """`accuracy 0.971  loss 0.08`."""
    return "  ".join(f"{name} {number(value)}" for name, value in metrics.items())


def _plain_table(rows: list[list[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")
