"""An OpenID provider that answers whatever a test wants, right or wrong."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "tensorfleet"


class Forger(ThreadingHTTPServer):
    """Its answers are by path; `token` makes the ID token of the next exchange."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.issuer = f"http://127.0.0.1:{port}"
        self.key = rsa.generate_private_key(65537, 2048)
        self.token: Callable[[], str] = str
        self.asked: list[str] = []
        self.redirects = False
        self.refusal: dict[str, str] | None = None
        self.documents: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            },
            "/keys": {"keys": [self.public("only")]},
        }

    def public(self, kid: str | None) -> dict[str, Any]:
        found = {**jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "use": "sig"}
        return found | ({"kid": kid} if kid else {})

    def claims(self, nonce: str, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        good = {"iss": self.issuer, "aud": CLIENT, "sub": "f-1", "nonce": nonce, "iat": now, "exp": now + 60}
        return good | {"preferred_username": "forged", "groups": ["all"], "email": "f@example.org"} | changes


class _Handler(BaseHTTPRequestHandler):
    server: Forger

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.redirects:
            self.send_response(302)
            self.send_header("Location", f"{self.server.issuer}/elsewhere{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._answer(self.server.documents.get(self.path))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refusal is not None:
            self._answer(self.server.refusal, 400)
            return
        self._answer({"access_token": "a", "token_type": "Bearer", "id_token": self.server.token()})

    def _answer(self, document: Any, status: int = 200) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status if document is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def forger(port: int) -> Iterator[Forger]:
    with Forger(port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
