"""What commands print: tables, pairs, times and JSON; without escape codes where no terminal reads it."""

from __future__ import annotations

import json
import re
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

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal takes for more than a character to show; lines and tabs are not among it."""
_GIVE_WAY = frozenset(
    {
        "name", "metrics", "course", "description", "aliases", "column", "workspace", "hyperparameters", "params", "reason",
        "because", "path", "object", "scopes", "url", "told", "problem", "type and limits", "registered model", "who", "target",
    }
)  # fmt: skip
"""Columns that are cut when the terminal is narrow; ids, states and numbers are not."""


def screen(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr; it prints text as it is, without markup or guessed colours."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(text: str) -> None:
    """A remark for the person, on stderr, so that stdout holds only what was asked for."""
    screen(stderr=True).print(lines(text))


def emit_json(data: Any) -> None:
    """`data` as JSON, the only thing on stdout."""
    sys.stdout.write(_json(data, indent=2) + "\n")


def emit_json_line(data: Any) -> None:
    sys.stdout.write(_json(data) + "\n")
    sys.stdout.flush()


def _json(data: Any, indent: int | None = None) -> str:
    """As people can read it, except for characters that a terminal obeys and JSON would let pass."""
    text = json.dumps(data, indent=indent, ensure_ascii=False, default=str)
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """A table that fits the terminal, at the cost of long texts and then of its last columns; whole where there is none."""
    from rich.cells import cell_len
    from rich.text import Text

    found = [[printable(cell) for cell in row] for row in rows]
    if not found:
        say(empty)
        return
    widths = [max(cell_len(cell) for cell in column) for column in zip(headers, *found, strict=True)]
    console = screen()
    if not console.is_terminal:
        _plain_table([[header.upper() for header in headers], *found], widths)
        return
    widths = _fitted(widths, [header in _GIVE_WAY for header in headers], console.width)
    for row in (
        [Text(header, style="bold") for header in headers],
        *([styled(c) for c in row] for row in found),
    ):
        shown = row[: len(widths)]
        for cell, width in zip(shown, widths, strict=True):
            cell.truncate(width, overflow="ellipsis", pad=True)
        line = Text("  ").join(shown)
        line.truncate(console.width)
        console.print(line)


def _fitted(widths: list[int], gives_way: list[bool], room: int) -> list[int]:
    """The widths, the widest of those that give way shortened first, down to 8; of the columns that fit like that."""
    fitted = list(widths)
    excess = sum(widths) + 2 * (len(widths) - 1) - room
    flexible = [index for index, gives in enumerate(gives_way) if gives]
    while excess > 0 and flexible:
        widest = max(flexible, key=fitted.__getitem__)
        if fitted[widest] <= 8:
            break
        fitted[widest] -= 1
        excess -= 1
    if excess > 0 and len(widths) > 1:
        return _fitted(widths[:-1], gives_way[:-1], room)
    return fitted


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


def lines(text: str) -> str:
    """Text of others, whose lines are its own; nothing in them can steer the terminal."""
    return _OBEYED.sub(" ", text)


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


def ahead(instant: str | None, now: datetime | None = None) -> str:
    """`in 3 min, at 10:41:41` by the clock on the wall here; empty for none."""
    from tensorfleet.kit.units import format_duration

    if not instant:
        return ""
    at = datetime.fromisoformat(instant)
    left_s = (at - (now or datetime.now(UTC))).total_seconds()
    return f"in {format_duration(left_s)}, at {at.astimezone():%H:%M:%S}" if left_s > 0 else "now"


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


def _plain_table(rows: list[list[str]], widths: list[int]) -> None:
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")
