from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorfleet.mcp.trimming import HIDDEN, brief, last_lines, redacted, short, thinned

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=30), inner, max_size=30),
    max_leaves=60,
)


@settings(max_examples=60)
@given(ANY_JSON, st.integers(10, 3000))
def test_what_is_brief_has_the_size_asked_for(value: Any, most: int) -> None:
    assert len(json.dumps(brief(value, most), ensure_ascii=False)) <= most


def test_what_fits_stays_as_it_is() -> None:
    value = {"a": [1, 2.5, None, True, "text"], "b": {"c": "d"}}
    assert brief(value) == value


@pytest.mark.parametrize(
    "value",
    [
        {f"k{i}": {f"l{j}": "x" * 50 for j in range(100)} for i in range(100)},
        ["\x01" * 10_000] * 100,
        {"x" * 5000: ['"' * 9000] * 40},
        [[[[[[[[[["deep"]]]]]]]]]] * 500,
    ],
)
def test_what_is_made_to_be_large_does_not_get_through(value: Any) -> None:
    assert len(json.dumps(brief(value), ensure_ascii=False)) <= 4000


def test_what_was_left_out_is_said() -> None:
    assert brief(list(range(3000)), 2000)[-1] == "... 2800 more"
    assert "characters left out" in short("x" * 3000)
    assert len(short("x" * 3000, 500)) <= 500


def test_secrets_are_hidden_and_words_that_only_sound_like_them_are_not() -> None:
    said = {
        "api_key": "abc",
        "nested": [{"db.password": "p"}, {"AWS_SECRET_ACCESS_KEY": "s"}],
        "args": ["--token", "t0p", "--api-key=k", "--epochs", "3"],
        "tokenizer": "bert",
        "max_tokens": 128,
        "password": None,
    }
    assert redacted(said) == {
        "api_key": HIDDEN,
        "nested": [{"db.password": HIDDEN}, {"AWS_SECRET_ACCESS_KEY": HIDDEN}],
        "args": ["--token", HIDDEN, f"--api-key={HIDDEN}", "--epochs", "3"],
        "tokenizer": "bert",
        "max_tokens": 128,
        "password": None,
    }
    assert short("see postgres://anna:pw@db/x") == f"see postgres://{HIDDEN}@db/x"


@given(st.lists(st.integers(), max_size=60), st.integers(0, 20))
def test_thinned_points_keep_their_ends_and_order(points: list[int], most: int) -> None:
    indexed = list(enumerate(points))
    found = thinned(indexed, most)
    assert len(found) <= max(most, 0)
    assert found == sorted(found)
    if most >= 2 and points:
        assert (found[0], found[-1]) == (indexed[0], indexed[-1])


@given(st.lists(st.text(max_size=900), max_size=40), st.integers(0, 3000))
def test_the_last_lines_that_fit(lines: list[str], most: int) -> None:
    kept = last_lines(lines, most)
    assert sum(len(line) + 1 for line in kept) <= most
    assert [short(line, 400) for line in lines[len(lines) - len(kept) :]] == kept
