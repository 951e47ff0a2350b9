"""Clients that hold a server up, over real sockets: slow, silent, endless, and such that do not read."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import uvicorn

from tensorfleet.gateway.bodies import limit_bodies
from tensorfleet.gateway.connections import HEAD_LIMIT_BYTES, Connection
from tensorfleet.gateway.listen import listen

Address = tuple[str, int]
PIECE = b"x" * 65536


class Quick(Connection):
    head_s = 0.6
    stall_s = 0.6


class Seen:
    """What the application was asked, and whether its endless answer has ended."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.ended = threading.Event()

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/endless":
            await self._endless(send)
            return
        body = b""
        while scope["path"] == "/read":
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def _endless(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                before = time.monotonic()
                await send({"type": "http.response.body", "body": PIECE, "more_body": True})
                if time.monotonic() - before > 0.3:  # it was held up, and is let go without an error
                    return
        finally:
            self.ended.set()


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen()


@pytest.fixture(scope="module")
def address(seen: Seen) -> Iterator[Address]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await limit_bodies(seen.app, patience_s=0.6)(scope, receive, send)
        except Exception as error:  # what FastAPI makes an answer of
            status = getattr(error, "status_code", 500)
            await send(
                {"type": "http.response.start", "status": status, "headers": [(b"connection", b"close")]}
            )
            await send({"type": "http.response.body"})

    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(
        uvicorn.Config(
            app, http=Quick, ws="none", lifespan="off", log_level="critical", timeout_keep_alive=30
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()
    server.should_exit = True
    thread.join(10)
    listener.close()


def rest_of(link: socket.socket, within_s: float = 10.0) -> bytes:
    """All that comes until the other side closes; that it does is the point."""
    link.settimeout(within_s)
    said = b""
    try:
        while piece := link.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    return said


def drip(link: socket.socket, byte: bytes, for_s: float = 8.0) -> float:
    """Sends a byte again and again until the other side has had enough; after how long that was."""
    began = time.monotonic()
    while time.monotonic() - began < for_s:
        try:
            link.sendall(byte)
        except OSError:
            return time.monotonic() - began
        time.sleep(0.05)
    raise AssertionError(f"the connection was still open after {for_s:g} s")


def connected(address: Address) -> closing[socket.socket]:
    return closing(socket.create_connection(address))


def test_who_says_nothing_is_let_go(address: Address) -> None:
    with connected(address) as link:
        assert rest_of(link) == b""


@pytest.mark.parametrize(
    ("begin", "byte"),
    [(b"", b"G"), (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"y"), (b"GET /", b"a"), (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n")],
)  # fmt: skip
def test_headers_byte_by_byte_are_given_up(begin: bytes, byte: bytes, address: Address) -> None:
    with connected(address) as link:
        link.sendall(begin)
        assert drip(link, byte) < 5


def test_a_head_that_stops_is_answered_408(address: Address) -> None:
    with connected(address) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        assert rest_of(link).startswith(b"HTTP/1.1 408 ")


def test_empty_lines_keep_nothing_open(address: Address) -> None:
    with connected(address) as link:
        assert drip(link, b"\r\n") < 5


def test_a_second_request_has_no_more_time_than_the_first(address: Address) -> None:
    with connected(address) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200 OK" in link.recv(65536)
        link.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        assert drip(link, b"y") < 5


def test_headers_have_an_end(address: Address) -> None:
    with connected(address) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        most = 1024 * HEAD_LIMIT_BYTES  # far more than the kernel holds of what nobody has read
        sent = 0
        try:
            while sent < most:
                sent += link.send(b"y" * 4096)
        except OSError:
            pass
        assert sent < most
        assert rest_of(link)[:13] in (b"", b"HTTP/1.1 431 ")


def test_headers_of_common_length_pass(address: Address) -> None:
    with connected(address) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n")
        for number in range(10):
            link.sendall(b"X-%d: " % number + b"y" * 3000 + b"\r\n")
            time.sleep(0.01)
        link.sendall(b"\r\n")
        assert rest_of(link).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_drips_is_answered_408(address: Address) -> None:
    with connected(address) as link:
        link.sendall(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        drip(link, b"x")
        assert rest_of(link)[:13] in (b"", b"HTTP/1.1 408 ")  # a reset may overtake it


def test_a_body_that_stops_is_answered_408(address: Address) -> None:
    with connected(address) as link:
        link.sendall(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx")
        assert rest_of(link).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_comes_in_pieces_passes(address: Address, seen: Seen) -> None:
    with connected(address) as link:
        link.sendall(b"POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3000\r\n\r\n")
        for _ in range(10):
            link.sendall(b"x" * 300)
            time.sleep(0.1)
        assert rest_of(link).startswith(b"HTTP/1.1 200 ")
    assert len(seen.bodies[-1]) == 3000


def test_what_follows_an_early_answer_is_taken_for_a_while(address: Address) -> None:
    with connected(address) as link:
        link.sendall(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        assert b"200 OK" in link.recv(65536)
        for _ in range(30):
            link.sendall(PIECE)
        assert drip(link, b"x") < 5


def test_who_does_not_read_is_let_go(address: Address, seen: Seen) -> None:
    with connected(address) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        assert seen.ended.wait(10)


def test_many_of_them_do_not_keep_others_out(address: Address) -> None:
    slow = [socket.create_connection(address) for _ in range(200)]
    for link in slow:
        link.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    with connected(address) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert rest_of(link).startswith(b"HTTP/1.1 200 ")
    for one in slow:
        assert rest_of(one).startswith(b"HTTP/1.1 408 ")
        one.close()
