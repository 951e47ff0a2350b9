from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.errors import InvalidInput
from tensorfleet.kit.paging import decode_cursor, encode_cursor


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
