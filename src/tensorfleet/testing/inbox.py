"""A web server that keeps what is posted to it, for tests of what we send to others."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Posted:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Inbox:
    """Answers with the next of `answers` (status codes), then with 200."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.answers: list[int] = []
        self.url = ""

    def wait(self, wanted: Callable[[Posted], bool], timeout_s: float = 30.0) -> Posted:
        """The first that is wanted, when it is there."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for one in list(self.posted):
                if wanted(one):
                    return one
            time.sleep(0.02)
        raise AssertionError(f"not within {timeout_s:g} s; there came {[one.path for one in self.posted]}")


@contextmanager
def inbox() -> Iterator[Inbox]:
    """A running one, at a free port of loopback."""
    found = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            found.posted.append(Posted(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.answers.pop(0) if found.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
