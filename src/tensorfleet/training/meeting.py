"""Where ranks of one attempt exchange bytes: one connection from each to rank 0, at the port that the platform reserved.

It needs neither torch nor a process group, so tasks of the light template use it.  Both sides prove that they know a secret
before anything else is said: random bytes that rank 0 leaves in the object store, which the tasks of the fleet read and
strangers on the network do not.  The proof keeps strangers out; it does not encrypt what follows.

A frame is 8 bytes of length, big-endian, and that many bytes.  A rank that waits says that it lives, by the session's pulse.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

from tensorfleet.errors import NotFound, TooLarge, Unavailable

if TYPE_CHECKING:
    from tensorfleet.training.session import Session

MOST_BYTES = 2 * 1024**3
JOIN_LIMIT_S = 600.0
GONE_GRACE_S = 3.0
"""Between the end of a rank and the error on the others; the platform ends them all sooner, and knows whose fault it was."""
_PROOF_LIMIT_S = 5.0
_SLICE_S = 0.5
"""How often a rank that waits says that it lives."""
_NONCE = 32
_LENGTH = struct.Struct(">Q")
_HELLO = struct.Struct(f">I{_NONCE}s32s")
"""Rank, nonce, proof."""


class Meeting:
    """One rank's place; a context manager.  All ranks make the same calls in the same order.  Not for several threads.

    Args:
        idle: called at least twice a second while this rank waits; what it raises ends the wait.  The pulse when None.
        most_bytes: the largest message that is accepted.
        join_limit_s: how long the others may take to come.
    """

    def __init__(
        self,
        session: Session,
        *,
        idle: Callable[[], None] | None = None,
        most_bytes: int = MOST_BYTES,
        join_limit_s: float = JOIN_LIMIT_S,
    ) -> None:
        self.rank, self.world_size = session.context.rank, session.context.world_size
        self._session = session
        self._idle = idle or session.beat
        self._most_bytes = most_bytes
        self._join_limit_s = join_limit_s
        self._peers: dict[int, socket.socket] = {}
        """By rank: on rank 0 all the others, on another one rank 0."""

    def __enter__(self) -> Self:
        """Returns when all ranks are here.

        Raises:
            Unavailable: one did not come in time.
        """
        try:
            if self.world_size > 1:
                (self._receive_others if self.rank == 0 else self._go_to_leader)()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves; the others see it at their next call."""
        for peer in self._peers.values():
            peer.close()
        self._peers.clear()

    def gather(self, data: bytes) -> list[bytes] | None:
        """On rank 0 what each rank gave, in the order of the ranks; None on the others.

        Raises:
            Unavailable: a rank has gone.
            TooLarge: a message is larger than this meeting takes.
        """
        if self.rank:
            self._send(0, data)
            return None
        return [data, *(self._receive(rank) for rank in range(1, self.world_size))]

    def broadcast(self, data: bytes | None) -> bytes:
        """What rank 0 gave, on all ranks; what the others give is ignored.

        Raises:
            Unavailable: a rank has gone.
            TooLarge: as `gather`.
        """
        if self.rank:
            return self._receive(0)
        if data is None:
            raise ValueError("rank 0 has to give what all shall get")
        for rank in range(1, self.world_size):
            self._send(rank, data)
        return data

    def scatter(self, parts: Sequence[bytes] | None) -> bytes:
        """This rank's of the parts that rank 0 gave, one for each rank; what the others give is ignored.

        Raises:
            Unavailable: a rank has gone.
            TooLarge: as `gather`.
        """
        if self.rank:
            return self._receive(0)
        if parts is None or len(parts) != self.world_size:
            raise ValueError(f"rank 0 has to give {self.world_size} parts")
        for rank in range(1, self.world_size):
            self._send(rank, parts[rank])
        return parts[0]

    # ---- coming together ---------------------------------------------------------------------------------------------

    def _receive_others(self) -> None:
        secret = secrets.token_bytes(_NONCE)
        self._session.objects.put(self._key, secret)
        deadline = time.monotonic() + self._join_limit_s
        try:
            with _listening() as door:
                while len(self._peers) < self.world_size - 1:
                    self._check_time(deadline)
                    with contextlib.suppress(TimeoutError):
                        self._admit(door.accept()[0], secret)
        finally:
            self._session.objects.delete(self._key)

    def _admit(self, peer: socket.socket, secret: bytes) -> None:
        """Takes in who knows the secret, and shows that it knows it too; hangs up on anybody else."""
        try:
            peer.settimeout(_PROOF_LIMIT_S)
            mine = secrets.token_bytes(_NONCE)
            peer.sendall(mine)
            rank, theirs, proof = _HELLO.unpack(_exactly(peer, _HELLO.size))
            expected = _proof(secret, b"rank %d of %d" % (rank, self.world_size), mine, theirs)
            if not hmac.compare_digest(proof, expected) or not 0 < rank < self.world_size:
                raise ConnectionError("a stranger")
            peer.sendall(_proof(secret, b"leader", theirs, mine))
        except OSError:
            peer.close()
            return
        _prepare(peer)
        if (before := self._peers.pop(rank, None)) is not None:
            before.close()  # it came twice: its first connection was cut
        self._peers[rank] = peer

    def _go_to_leader(self) -> None:
        deadline = time.monotonic() + self._join_limit_s
        pause_s = 0.002
        while True:
            self._check_time(deadline)
            try:
                self._peers[0] = self._introduced()
                return
            except (OSError, NotFound):  # not there yet, or it could not say who it is
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, 0.05)

    def _introduced(self) -> socket.socket:
        """A connection to rank 0, which has proved that it is."""
        peer = socket.create_connection(_address(), timeout=_PROOF_LIMIT_S)
        try:
            if (
                peer.getsockname() == peer.getpeername()
            ):  # nobody listens: the kernel joined the socket to itself
                raise ConnectionError("nobody is there yet")
            theirs = _exactly(peer, _NONCE)
            secret = self._session.objects.get(self._key)
            mine = secrets.token_bytes(_NONCE)
            who = b"rank %d of %d" % (self.rank, self.world_size)
            peer.sendall(_HELLO.pack(self.rank, mine, _proof(secret, who, theirs, mine)))
            if not hmac.compare_digest(_exactly(peer, 32), _proof(secret, b"leader", mine, theirs)):
                raise ConnectionError("it is not rank 0 of this job")
        except BaseException:
            peer.close()
            raise
        _prepare(peer)
        return peer

    def _check_time(self, deadline: float) -> None:
        self._idle()
        if time.monotonic() > deadline:
            missing = (
                "rank 0" if self.rank else f"{self.world_size - 1 - len(self._peers)} of the other ranks"
            )
            raise Unavailable(f"{missing} did not come to the meeting within {self._join_limit_s:.0f} s")

    @property
    def _key(self) -> str:
        context = self._session.context
        return f"meetings/{context.job_id}/{context.attempt}"

    # ---- frames ------------------------------------------------------------------------------------------------------

    def _send(self, rank: int, data: bytes) -> None:
        self._check_size(len(data), self.rank)
        for part in (_LENGTH.pack(len(data)), data):
            rest = memoryview(part)
            while rest:
                with self._waiting_for(rank) as peer:
                    rest = rest[peer.send(rest) :]

    def _receive(self, rank: int) -> bytes:
        (length,) = _LENGTH.unpack(self._read(rank, _LENGTH.size))
        self._check_size(length, rank)
        return self._read(rank, length)

    def _read(self, rank: int, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            with self._waiting_for(rank) as peer:
                part = peer.recv(min(count - len(found), 1 << 20))
                if not part:
                    raise ConnectionError("it hung up")
                found += part
        return bytes(found)

    @contextlib.contextmanager
    def _waiting_for(self, rank: int) -> Iterator[socket.socket]:
        try:
            yield self._peers[rank]
        except TimeoutError:
            self._idle()
        except OSError as error:
            raise Unavailable(f"rank {rank} has left the meeting ({error})") from error

    def _check_size(self, count: int, rank: int) -> None:
        if count > self._most_bytes:
            raise TooLarge(
                f"rank {rank} gave {count} bytes to the others; at most {self._most_bytes} are exchanged at once"
            )


def _address() -> tuple[str, int]:
    return os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])


def _listening() -> socket.socket:
    host, port = _address()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    local = host in ("127.0.0.1", "localhost", "::1")
    # The name by which others reach this machine need not be one of its own addresses.
    door = socket.create_server((host if local else "", port), family=family)
    door.settimeout(_SLICE_S)
    return door


def _prepare(peer: socket.socket) -> None:
    peer.settimeout(_SLICE_S)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a machine that has gone is noticed


def _exactly(peer: socket.socket, count: int) -> bytes:
    """The next bytes of a proof, within the time that one may take as a whole."""
    deadline = time.monotonic() + _PROOF_LIMIT_S
    found = b""
    while len(found) < count:
        if time.monotonic() > deadline:
            raise TimeoutError
        part = peer.recv(count - len(found))
        if not part:
            raise ConnectionError("it hung up")
        found += part
    return found


def _proof(secret: bytes, who: bytes, *nonces: bytes) -> bytes:
    return hmac.digest(secret, b"tensorfleet meeting\0" + who + b"\0" + b"".join(nonces), "sha256")
