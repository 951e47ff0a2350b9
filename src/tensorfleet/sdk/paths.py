"""Paths of the API."""

from __future__ import annotations

from urllib.parse import quote

from tensorfleet.errors import InvalidInput


def segments(*names: str | int) -> str:
    """`/jobs/j-1/cancel` from its parts, each quoted, so that no name can reach another path.

    Raises:
        InvalidInput: a part that cannot stand in a path.
    """
    for name in names:
        if str(name) in ("", ".", "..") or "\0" in str(name):
            raise InvalidInput(f"'{name}' is not a name")
    return "".join(f"/{quote(str(name), safe='@')}" for name in names)
