from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.errors import InvalidInput
from tensorfleet.kit.paging import decode_cursor, encode_cursor, page_of


@given(st.lists(st.one_of(st.integers(), st.text(), st.none(), st.booleans()), min_size=1, max_size=4))
def test_a_cursor_comes_back_as_it_was(values: list[Any]) -> None:
    cursor = encode_cursor(values)
    assert decode_cursor(cursor, len(values)) == values
    assert all(letter.isalnum() or letter in "-_" for letter in cursor), "it needs no quoting in a URL"


@pytest.mark.parametrize(
    "text",
    ["", "!", "ü", "\0", "a" * 5, encode_cursor(["one"]), base64.urlsafe_b64encode(b'{"a": 1, "b": 2}').decode(),
     base64.urlsafe_b64encode(b"\xff\xfe").decode(), base64.urlsafe_b64encode(b"[" * 50_000).decode()],
    ids=range(9),
)  # fmt: skip
def test_what_is_no_cursor_of_this_list_is_bad_input(text: str) -> None:
    with pytest.raises(InvalidInput, match="does not belong to this list; take next_cursor"):
        decode_cursor(text, 2)


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert len(decode_cursor(text, 2)) == 2


ROWS = [("b", 2), ("a", 2), ("c", 1), ("d", 2), ("e", 1)]
KEYS: dict[str, Any] = {"name": lambda row: row[0], "size": lambda row: row[1]}


def pages(sort: str, limit: int) -> list[list[tuple[str, int]]]:
    shown, cursor = page_of(ROWS, limit, None, sort, KEYS, KEYS["name"])
    found = [shown]
    while cursor is not None:
        shown, cursor = page_of(ROWS, limit, cursor, sort, KEYS, KEYS["name"])
        found.append(shown)
    return found


@pytest.mark.parametrize("limit", [1, 2, 5, 9])
@pytest.mark.parametrize("sort", ["name", "-name", "size", "-size"])
def test_pages_of_a_list_in_memory_show_each_item_once(sort: str, limit: int) -> None:
    key = KEYS[sort.removeprefix("-")]
    seen = [row for page in pages(sort, limit) for row in page]
    assert seen == sorted(ROWS, key=lambda row: (key(row), row[0]), reverse=sort.startswith("-"))
    assert len(pages(sort, limit)[0]) == min(limit, len(ROWS))


@pytest.mark.parametrize(
    ("sort", "cursor"),
    [
        ("name", encode_cursor(["-name", "a", "a"])),
        ("size", encode_cursor(["size", "a", "a"])),
        ("name", encode_cursor(["name", {}, "a"])),
        ("name", encode_cursor(["name", "a", 5])),
        ("colour", None),
    ],
)
def test_a_cursor_of_another_order_is_bad_input(sort: str, cursor: str | None) -> None:
    with pytest.raises(InvalidInput, match=r"take next_cursor|use one of name, size"):
        page_of(ROWS, 2, cursor, sort, KEYS, KEYS["name"])
