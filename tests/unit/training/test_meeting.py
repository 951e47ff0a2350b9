"""Ranks that exchange bytes: in order, with whoever knows the secret, and not for ever."""

import os
import socket
import threading
import time

import pytest

from tensorfleet.errors import TooLarge, Unavailable
from tensorfleet.testing.tasks import write_task
from tensorfleet.training.context import load_context
from tensorfleet.training.meeting import Meeting
from tensorfleet.training.session import Session


@pytest.fixture
def ranks(tmp_path, monkeypatch):
    """Makes sessions of so many ranks of one attempt, and a port where they meet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(port))
    made = []

    def make(count):
        folders = [write_task(tmp_path, rank=rank, world_size=count) for rank in range(count)]
        made.extend(Session(load_context(folder)) for folder in folders)
        return made

    yield make
    for session in made:
        session.close()


def together(sessions, act, **options):
    """What `act(meeting)` returns on each rank, each in a thread of its own; an error is returned too."""
    found = [None] * len(sessions)

    def run(rank):
        try:
            with Meeting(sessions[rank], **options) as meeting:
                found[rank] = act(meeting)
        except Exception as error:
            found[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(len(sessions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def test_all_get_what_rank_0_says_and_it_gets_what_all_say(ranks):
    sessions = ranks(3)
    large = bytes(range(256)) * 40_000

    def act(meeting):
        said = meeting.gather(b"" if meeting.rank == 1 else b"from %d" % meeting.rank + large)
        return said, meeting.broadcast(large[::-1] if meeting.rank == 0 else None)

    first, second, third = together(sessions, act)
    assert first == ([b"from 0" + large, b"", b"from 2" + large], large[::-1])
    assert second == third == (None, large[::-1])
    assert not list(sessions[0].objects.list("meetings/"))


def test_each_gets_its_own_part_of_what_rank_0_gives(ranks):
    parts = [b"zero", b"", b"two" * 500_000]
    assert together(ranks(3), lambda meeting: meeting.scatter(None if meeting.rank else parts)) == parts


def test_rank_0_has_to_give_a_part_for_each(ranks):
    first, second = together(
        ranks(2), lambda meeting: meeting.scatter([b"one"] if meeting.rank == 0 else None)
    )
    assert isinstance(first, ValueError)
    assert isinstance(second, Unavailable)


def test_alone_a_rank_talks_to_itself(ranks):
    with Meeting(ranks(1)[0]) as meeting:
        assert meeting.gather(b"x") == [b"x"]
        assert meeting.broadcast(b"y") == b"y"


def test_strangers_are_not_let_in(ranks):
    sessions = ranks(2)
    address = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    seen = []

    def knock():
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(address, timeout=5) as stranger:
                    stranger.recv(32)
                    stranger.sendall(b"\0\0\0\1" + bytes(64))
                    seen.append(stranger.recv(32))
                    return
            except ConnectionRefusedError:
                time.sleep(0.002)

    leader = threading.Thread(target=lambda: seen.append(together(sessions[:1], lambda m: m.gather(b""))))
    leader.start()
    knock()
    assert seen == [b""]
    (second,) = together(sessions[1:], lambda meeting: meeting.gather(b"the real one"))
    leader.join(30)
    assert second is None
    assert seen[1] == [[b"", b"the real one"]]


def test_a_false_leader_learns_nothing(ranks, monkeypatch):
    monkeypatch.setattr("tensorfleet.training.meeting._PROOF_LIMIT_S", 0.3)
    sessions = ranks(2)
    sessions[0].objects.put("meetings/j-test/1", b"s" * 32)
    with socket.create_server((os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))) as door:
        heard = []

        def pretend():
            peer, _ = door.accept()
            with peer:
                peer.sendall(bytes(32))
                peer.recv(100)
                peer.sendall(bytes(32))
                heard.append(peer.recv(100))

        liar = threading.Thread(target=pretend)
        liar.start()
        (found,) = together(sessions[1:], lambda meeting: meeting.gather(b"private"), join_limit_s=0.5)
        liar.join(10)
    assert isinstance(found, Unavailable)
    assert heard == [b""]


def test_who_does_not_come_is_told(ranks):
    sessions = ranks(2)
    (found,) = together(sessions[:1], lambda meeting: None, join_limit_s=0.1)
    assert str(found) == "1 of the other ranks did not come to the meeting within 0 s"
    (found,) = together(sessions[1:], lambda meeting: None, join_limit_s=0.1)
    assert str(found) == "rank 0 did not come to the meeting within 0 s"


def test_who_leaves_is_told(ranks):
    first, second = together(ranks(2), lambda meeting: meeting.gather(b"") if meeting.rank == 0 else "gone")
    assert second == "gone"
    assert isinstance(first, Unavailable)
    assert "rank 1 has left the meeting" in str(first)


def test_sizes_are_bounded_on_both_sides(ranks):
    sessions = ranks(2)
    first, second = together(sessions, lambda meeting: meeting.gather(bytes(11)), most_bytes=10)
    assert isinstance(second, TooLarge)
    assert isinstance(first, Unavailable)  # it was not sent at all

    def liar(meeting):
        if meeting.rank == 0:
            return meeting.gather(b"")
        meeting._most_bytes = 1000
        return meeting.gather(bytes(100))

    first, _ = together(sessions, liar, most_bytes=10)
    assert str(first) == "rank 1 gave 100 bytes to the others; at most 10 are exchanged at once"


def test_a_rank_that_waits_lives_and_can_be_called_away(ranks):
    calls = []

    def idle():
        calls.append(1)
        if len(calls) > 3:
            raise SystemExit("called away")

    free = threading.Event()
    sessions = ranks(2)
    other = threading.Thread(target=together, args=(sessions[1:], lambda meeting: free.wait(20)))
    other.start()
    with pytest.raises(SystemExit, match="called away"), Meeting(sessions[0], idle=idle) as meeting:
        meeting.gather(b"")
    free.set()
    other.join(20)
    assert len(calls) == 4
