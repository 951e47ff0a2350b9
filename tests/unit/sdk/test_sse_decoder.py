from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.errors import Internal
from tensorfleet.sdk import decoder
from tensorfleet.sdk.decoder import ServerEvent, SseDecoder


def decode(*chunks: bytes) -> list[ServerEvent]:
    decoder = SseDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def test_event_with_all_fields():
    assert decode(b"id: 7\nevent: log\ndata: hello\n\n") == [ServerEvent("log", "hello", "7")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_counts(end: bytes):
    assert decode(end.join([b"data: a", b"data: b", b"", b""])) == [ServerEvent("message", "a\nb")]


def test_data_of_several_lines_is_joined():
    assert decode(b"data: a\ndata:\ndata:  c\n\n")[0].data == "a\n\n c"


def test_comments_and_unknown_fields_are_passed_over():
    assert decode(b": keep-alive\n\nretry: 10\ncolour: red\ndata: x\n\n") == [ServerEvent("message", "x")]


def test_id_stays_until_the_next_one_and_nul_is_refused():
    events = decode(b"id: 1\ndata: a\n\ndata: b\n\nid: 2\x00\ndata: c\n\n")
    assert [event.id for event in events] == ["1", "1", "1"]


def test_event_without_data_and_unfinished_event_are_dropped():
    assert decode(b"event: log\n\nid: 3\ndata: cut off\n") == []


def test_byte_order_mark_is_skipped():
    assert decode(b"\xef\xbb\xbfdata: x\n\n") == [ServerEvent("message", "x")]


def test_endless_event_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(decoder, "MAX_EVENT_CHARS", 100)
    with pytest.raises(Internal, match="more than"):
        decode(b"data: " + b"x" * 60 + b"\n", b"data: " + b"x" * 60)


TEXT = "id: 1\r\nevent: log\r\ndata: grüße\r\ndata: 2\r\n\r\n: c\n\nid: 2\ndata: b\n\n".encode()


@given(st.lists(st.integers(0, len(TEXT)), max_size=20))
def test_where_the_network_cuts_makes_no_difference(cuts: list[int]):
    edges = [0, *sorted(cuts), len(TEXT)]
    chunks = [TEXT[a:b] for a, b in pairwise(edges)]
    assert decode(*chunks) == [ServerEvent("log", "grüße\n2", "1"), ServerEvent("message", "b", "2")]
