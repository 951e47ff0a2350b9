"""A file that a task appends to: pieces to send, and the disk under them given back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tensorfleet.agent.streams import CHUNK_BYTES, HOLE_BYTES, TAIL_BYTES, WINDOW_BYTES, Stream

NO_LIMIT = 1 << 62


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


def send(stream: Stream, final: bool = False) -> bytes:
    """The next piece, sent and taken over."""
    data = stream.next_chunk(final)
    stream.sent += len(data)
    stream.taken = stream.sent
    return data


def test_a_file_that_is_not_there_yet_has_nothing_to_send(path: Path) -> None:
    stream = Stream(path, NO_LIMIT)
    assert stream.next_chunk(final=False) == stream.next_chunk(final=True) == b""
    assert stream.drained


def test_whole_lines_are_sent_and_the_rest_at_the_end(path: Path) -> None:
    path.write_bytes(b"one\ntwo\nthr")
    stream = Stream(path, NO_LIMIT)
    assert send(stream) == b"one\ntwo\n"
    assert send(stream) == b""
    assert not stream.drained
    with path.open("ab") as file:
        file.write(b"ee\nfour")
    assert send(stream) == b"three\n"
    assert send(stream, final=True) == b"four"
    assert stream.drained


def test_a_line_without_end_is_sent_in_pieces(path: Path) -> None:
    path.write_bytes(b"x" * (CHUNK_BYTES + 10))
    stream = Stream(path, NO_LIMIT)
    assert len(send(stream)) == CHUNK_BYTES
    assert send(stream) == b""
    assert len(send(stream, final=True)) == 10


def test_a_long_line_is_sent_whole_as_far_as_the_window_holds_it(path: Path) -> None:
    line = b"x" * (3 * CHUNK_BYTES) + b"\n"
    path.write_bytes(b"one\n" + line + b"two\n")
    stream = Stream(path, NO_LIMIT)
    assert [send(stream) for _ in range(3)] == [b"one\n", line, b"two\n"]


def test_no_more_is_on_its_way_than_the_window(path: Path) -> None:
    line = b"y" * 1023 + b"\n"
    path.write_bytes(line * (2 * WINDOW_BYTES // len(line)))
    stream = Stream(path, NO_LIMIT)
    while data := stream.next_chunk(final=False):
        stream.sent += len(data)
    assert stream.sent == WINDOW_BYTES
    stream.taken = CHUNK_BYTES
    assert len(stream.next_chunk(final=False)) == CHUNK_BYTES


@pytest.mark.parametrize("final", [False, True])
def test_no_line_is_cut_where_the_window_ends(path: Path, final: bool) -> None:
    line = b"z" * 1000 + b"\n"
    path.write_bytes(line * (WINDOW_BYTES // len(line) + 3))
    stream = Stream(path, NO_LIMIT)
    while data := stream.next_chunk(final):
        assert data.endswith(b"\n")
        stream.sent += len(data)
    assert WINDOW_BYTES - stream.sent < len(line)
    stream.taken = stream.sent
    assert stream.next_chunk(final) == path.read_bytes()[stream.sent :]


@pytest.mark.parametrize("size", [11, 12, 100_000])
def test_a_log_over_its_limit_ends_with_a_note(path: Path, size: int) -> None:
    path.write_bytes(b"z" * 9 + b"\n" + b"z" * (size - 10))
    stream = Stream(path, limit=10)
    text = b""
    while data := send(stream, final=False):
        text += data
    assert text.startswith(b"z" * 9 + b"\n")
    assert text.count(b"the log is longer than its limit") == 1
    assert text.endswith(b"the rest is left out]\n")
    assert stream.drained
    more = {11: b"1 B", 12: b"2 B", 100_000: b"100.0 kB"}[size]
    assert send(stream, final=True) == b"[" + more + b" more were printed and are left out]\n"
    assert send(stream, final=True) == b""


def test_a_log_of_just_its_limit_is_whole(path: Path) -> None:
    path.write_bytes(b"z" * 9 + b"\n")
    stream = Stream(path, limit=10)
    assert send(stream, final=True) == path.read_bytes()
    assert send(stream, final=True) == b""
    assert stream.drained


# ---- the disk --------------------------------------------------------------------------------------------------------


def on_disk(path: Path) -> int:
    return path.stat().st_blocks * 512


def filled(path: Path, size: int) -> bytes:
    data = b"".join(b"%015d\n" % number for number in range(size // 16))
    path.write_bytes(data)
    return data


def test_what_was_taken_over_is_given_back(path: Path) -> None:
    data = filled(path, 8 * HOLE_BYTES)
    stream = Stream(path, NO_LIMIT, sent=5 * HOLE_BYTES, taken=4 * HOLE_BYTES)
    stream.give_back()
    assert path.stat().st_size == len(data), "offsets stay as they are"
    assert on_disk(path) == 4 * HOLE_BYTES
    assert path.read_bytes()[4 * HOLE_BYTES :] == data[4 * HOLE_BYTES :]
    assert stream.next_chunk(final=False) == data[5 * HOLE_BYTES :][:CHUNK_BYTES]
    with path.open("ab") as file:
        file.write(b"more\n")
    assert path.read_bytes().endswith(data[-16:] + b"more\n")


def test_the_end_stays_even_when_all_is_taken_over(path: Path) -> None:
    data = filled(path, 8 * HOLE_BYTES)
    stream = Stream(path, NO_LIMIT, sent=len(data), taken=len(data))
    stream.give_back()
    assert on_disk(path) == TAIL_BYTES
    assert path.read_bytes()[-TAIL_BYTES:] == data[-TAIL_BYTES:]


def test_what_is_beyond_the_limit_is_given_back_though_nobody_has_taken_it(path: Path) -> None:
    data = filled(path, 8 * HOLE_BYTES)
    stream = Stream(path, limit=2 * HOLE_BYTES)
    stream.give_back()
    assert on_disk(path) == 2 * HOLE_BYTES + TAIL_BYTES
    assert path.read_bytes()[: 2 * HOLE_BYTES] == data[: 2 * HOLE_BYTES], "what is still to be sent is there"
    stream.taken = 2 * HOLE_BYTES
    stream.give_back()
    assert on_disk(path) == TAIL_BYTES


def test_small_pieces_are_not_worth_a_hole(path: Path) -> None:
    filled(path, HOLE_BYTES)
    stream = Stream(path, NO_LIMIT, sent=HOLE_BYTES, taken=HOLE_BYTES)
    stream.give_back()
    assert on_disk(path) == HOLE_BYTES
    assert stream.freed == 0


def test_a_file_that_is_not_there_gives_nothing_back(path: Path) -> None:
    Stream(path, NO_LIMIT).give_back()
    assert not path.exists()
    assert list(path.parent.iterdir()) == []
