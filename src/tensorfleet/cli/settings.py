"""`tensorfleet settings`: what the platform runs with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson


def show(as_json: AsJson = False) -> None:
    """Show what the platform runs with: stores, limits, retention, prices, and what is on; no secrets."""
    from tensorfleet.cli.output import emit_json, print_pairs

    with session.connect() as client:
        found = client.settings()
    if as_json:
        emit_json(found)
        return
    version = found.pop("version")
    print_pairs(f"TensorFleet {version}", list(_pairs("", found)))


def _pairs(above: str, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each value with where it stands, as one would write it; what is empty is left out."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _pairs(f"{above}{name}.", value)
        elif value is not None and value != []:
            yield f"{above}{name}", _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(one.get("name", one)) if isinstance(one, dict) else str(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
