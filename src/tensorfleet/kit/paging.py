"""Cursors for lists: opaque to clients, small, and checked when they come back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tensorfleet.errors import InvalidInput

Item = TypeVar("Item")


def encode_cursor(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def decode_cursor(text: str, length: int) -> list[Any]:
    """The values that `encode_cursor` was given.

    Raises:
        InvalidInput: it is not a cursor of this list.
    """
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != length:
        raise _strange(text)
    return values


def page_of(
    items: Sequence[Item],
    limit: int,
    cursor: str | None,
    sort: str,
    keys: Mapping[str, Callable[[Item], str | int]],
    identity: Callable[[Item], str],
) -> tuple[list[Item], str | None]:
    """One page of a list that is in memory as a whole, and the cursor of the next one (None at the end).

    Args:
        sort: a name in `keys`, with `-` in front for descending; items that are equal in it are in the order of `identity`.

    Raises:
        InvalidInput: there is no such key, or the cursor does not belong to the list in this order.
    """
    key = keys.get(sort.removeprefix("-"))
    if key is None:
        raise InvalidInput(
            f"sort: '{sort[:40]}' is not a field to sort by; use one of {', '.join(keys)}, with - in front for descending"
        )
    descending = sort.startswith("-")
    placed = sorted((((key(item), identity(item)), item) for item in items), key=_place, reverse=descending)
    if cursor is not None:
        last = _last(cursor, sort)
        try:
            placed = [one for one in placed if (one[0] < last if descending else one[0] > last)]
        except TypeError as error:
            raise _strange(cursor) from error
    shown = placed[:limit]
    following = encode_cursor([sort, *shown[-1][0]]) if len(placed) > limit else None
    return [item for _, item in shown], following


def _place(one: tuple[tuple[str | int, str], Any]) -> tuple[str | int, str]:
    return one[0]


def _last(cursor: str, sort: str) -> tuple[Any, str]:
    order, value, identity = decode_cursor(cursor, 3)
    if order != sort or not isinstance(value, str | int) or not isinstance(identity, str):
        raise _strange(cursor)
    return value, identity


def _strange(cursor: str) -> InvalidInput:
    return InvalidInput(
        f"cursor '{cursor[:40]}' does not belong to this list; take next_cursor from its last page"
    )
