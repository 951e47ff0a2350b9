"""Signing a program in with the browser of whoever started it (RFC 8252): the browser brings a code to a port of this machine.

The code is good once, for a minute, and only together with what never leaves this process (PKCE).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import secrets
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from tensorfleet.errors import NotAuthenticated

PATH = "/signed-in"
PAGE = "/sign-in/program"
WAIT_S = 300.0
_ONE_REQUEST_S = 5.0
_TEXT = "<!doctype html><meta charset=utf-8><title>TensorFleet</title><h1>TensorFleet</h1><p>{text}</p>"


class Waiting(HTTPServer):
    """Waits on a port of this machine for the one request that brings the code; others find nothing there."""

    def __init__(self, url: str) -> None:
        """`url` is the gateway's."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.verifier, self.state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        self.redirect_uri = f"http://127.0.0.1:{self.server_port}{PATH}"
        self.code: str | None = None
        digest = hashlib.sha256(self.verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        query = {"redirect_uri": self.redirect_uri, "challenge": challenge, "state": self.state}
        self.address = f"{url}{PAGE}?{urlencode(query)}"
        """Where the browser is to go."""

    def wait(self, wait_s: float = WAIT_S, monotonic: Callable[[], float] = time.monotonic) -> str:
        """The code.

        Raises:
            NotAuthenticated: nobody has brought one in time.
        """
        ends = monotonic() + wait_s
        while self.code is None:
            self.timeout = ends - monotonic()
            if self.timeout <= 0:
                raise NotAuthenticated(
                    f"nobody signed in with the browser within {wait_s:.0f} s; call `tensorfleet login` again, "
                    "or sign in by password with `tensorfleet login --user NAME`"
                )
            self.handle_request()
        return self.code

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        connection.settimeout(
            _ONE_REQUEST_S
        )  # one that says nothing does not keep out the one that is waited for
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever breaks off is no concern of the person who waits."""


class _Handler(BaseHTTPRequestHandler):
    server: Waiting

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        right = hmac.compare_digest(query.get("state", "").encode(), self.server.state.encode())
        if parts.path != PATH or not right or not query.get("code"):
            self._answer(HTTPStatus.NOT_FOUND, "There is nothing here.")
            return
        self.server.code = query["code"]
        self._answer(
            HTTPStatus.OK, "You are signed in. You may close this window, and go on at the command line."
        )

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = _TEXT.format(text=html.escape(text)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002
        """Says nothing: the terminal is somebody else's, and the code stands in the path."""
