from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.kit.storable import from_json, storable_text, to_json


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("näme 🌲", "näme 🌲"),
        ("a\0b", "a\ufffdb"),
        ("half \ud83d", "half \ufffd"),
        ("\udf32 half", "\ufffd half"),
    ],
    ids=["whole", "nul", "high", "low"],
)
def test_text_is_made_whole(text: str, stored: str) -> None:
    assert storable_text(text) == stored


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"a": [1, 2.5, None, True, "🌲"]}, {"a": [1, 2.5, None, True, "🌲"]}),
        ({"loss": math.nan, "deep": [math.inf, -math.inf]}, {"loss": None, "deep": [None, None]}),
        ({"text": "\ud800", "loss": math.nan}, {"text": "\ufffd", "loss": None}),
        ({"huge": 10**30, "pair": (1, 2)}, {"huge": 10**30, "pair": [1, 2]}),
        ({1: "a"}, {"1": "a"}),
    ],
    ids=range(5),
)
def test_json_is_strict(value: Any, read: Any) -> None:
    text = to_json(value)
    text.encode()
    assert json.loads(text, parse_constant=pytest.fail) == read


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats()), st.lists, max_leaves=8
    )
)
def test_any_value_can_be_written(value: Any) -> None:
    json.loads(to_json(value), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "value", [{"seed": 2**200, "x": [1, -(2**63), 2**64 - 1]}, {"a": 0.1, "b": None, "ü": "é"}, []]
)
def test_what_was_stored_is_read_as_it_was(value: object) -> None:
    assert from_json(to_json(value)) == value
    assert from_json(to_json(value).encode()) == value
    assert repr(from_json(to_json(value))) == repr(value), "whole numbers stay whole"
