"""What a task leaves does not have the values of its secrets in it, however they are written."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorfleet.agent.masking import MASK, Mask

VALUE = 's3cr+t/planted=?é "quoted"'
MULTILINE = "-----BEGIN KEY-----\nabcdefgh0123\nijklmnop4567\n-----END KEY-----\n"


@pytest.mark.parametrize(
    "written",
    [
        VALUE,
        base64.b64encode(VALUE.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(VALUE.encode()).decode().rstrip("="),
        quote(VALUE, safe=""),
        json.dumps(VALUE),
        repr(VALUE),
    ],
)
def test_a_value_is_found_in_each_way_of_writing_it(written: str) -> None:
    masked = Mask([VALUE]).data(f"before {written} after".encode()).decode()
    assert "planted" not in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert MASK in masked
    assert len(masked) < 30


@given(st.binary(max_size=7), st.binary(max_size=7))
@settings(max_examples=60)
def test_base64_of_a_longer_text_does_not_give_the_value_away(before: bytes, after: bytes) -> None:
    value = b"planted-0123456789"
    written = base64.b64encode(before + value + after)
    masked = Mask([value.decode()]).data(written)
    assert MASK.encode() in masked
    left = masked.replace(MASK.encode(), b"")
    assert len(left) <= len(written) - len(value)


def test_each_line_of_a_value_with_several_is_masked() -> None:
    masked = Mask([MULTILINE]).data(b"x\nabcdefgh0123\nrest")
    assert masked == b"x\n***\nrest"


def test_values_that_overlap_leave_nothing_between() -> None:
    assert Mask(["abcdef123", "f123456"]).data(b">abcdef123456<") == b">***<"
    assert Mask(["abcdefgh", "abcdefghijkl"]).data(b">abcdefghijkl<") == b">***<"


def test_short_values_are_left_alone() -> None:
    assert not Mask(["abcde", "", "a\nb\nc"])
    assert Mask(["abcde"]).data(b"abcde") == b"abcde"


@given(st.integers(0, 60))
def test_a_value_at_the_end_of_a_piece_waits_for_the_rest(cut: int) -> None:
    mask, text = Mask([VALUE]), f"some text {VALUE} and more of it".encode()
    first = text[:cut]
    sent = mask.data(first[: mask.whole(first)])
    rest = text[mask.whole(first) :]
    assert b"planted" not in sent + mask.data(rest)
    assert VALUE.encode()[:8] not in sent


def test_records_stay_json_and_numbers_stay_numbers() -> None:
    mask = Mask(["123456", "checkpoints"])
    lines = [
        {"kind": "metrics", "values": {"loss": 0.123456, "of 123456": 1}},
        {"kind": "checkpoint", "key": "checkpoints/j/1", "message": "with 123456"},
        {"kind": "other"},
    ]
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines) + b'{"torn": "123456'
    found = [json.loads(line) for line in mask.lines(data).splitlines() if line.strip()]
    assert found == [
        {"kind": "metrics", "values": {"loss": 0.123456, "of ***": 1}},
        {"kind": "checkpoint", "key": "checkpoints/j/1", "message": "with ***"},
        {"kind": "other"},
    ]


def test_outcomes_are_masked_at_every_depth() -> None:
    outcome = {
        "status": "failed",
        "class": "user_error",
        "message": f"KeyError: {VALUE}",
        "result": [[VALUE], 1, None],
    }
    masked = Mask([VALUE]).value(outcome)
    assert masked == {
        "status": "failed", "class": "user_error", "message": "KeyError: ***", "result": [["***"], 1, None],
    }  # fmt: skip
    assert Mask().value(outcome) is outcome


def test_a_mask_shows_nothing() -> None:
    assert "planted" not in repr(Mask([VALUE])) + str(Mask([VALUE]))
