"""Signing in by name: tokens are kept in a file of the user, and a new one is fetched when the old one has expired."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import httpx

from tensorfleet.errors import NotAuthenticated
from tensorfleet.kit.files import write_atomic

EARLY_S = 30.0
"""A token that ends within this time is not used any more: the call may take a while."""


def credentials_file() -> Path:
    """Where sign-ins are kept: `TENSORFLEET_CREDENTIALS`, else in the user's configuration folder."""
    given = os.environ.get("TENSORFLEET_CREDENTIALS")
    base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Path(given) if given else base / "tensorfleet" / "credentials.json"


class Credentials:
    """The file with the tokens of each server; several processes may use it at a time."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or credentials_file()

    def find(self, url: str) -> dict[str, Any] | None:
        found = self._read().get(url)
        return found if isinstance(found, dict) else None

    def save(self, url: str, tokens: dict[str, Any] | None) -> None:
        """Keeps what a sign-in gave, or forgets it (None).  Nobody else can read the file.  Call it within `locked`."""
        kept = self._read()
        if tokens is None:
            kept.pop(url, None)
        else:
            ends = time.time() + float(tokens["expires_in"])
            names = ("access_token", "refresh_token")
            kept[url] = {name: tokens[name] for name in names} | {"expires_at": ends}
        write_atomic(self.path, json.dumps(kept, indent=1).encode(), mode=0o600)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time: a refresh token is good once.  Not to be nested."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.path.parent / "credentials.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


class SignedIn(httpx.Auth):
    """Sends the access token, and refreshes it before it ends."""

    requires_response_body = True

    def __init__(self, url: str, credentials: Credentials) -> None:
        self._url = url
        self._credentials = credentials
        self._turn = threading.Lock()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if "Authorization" in request.headers or request.url.path.endswith("/auth/token"):
            yield request
            return
        tokens = self._credentials.find(self._url) or {}
        if float(tokens.get("expires_at", 0)) < time.time() + EARLY_S:
            tokens = yield from self._refreshed(request)
        request.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        yield request

    def _refreshed(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, dict[str, Any]]:
        """New tokens; those of another thread or process, if it was faster."""
        with self._turn, self._credentials.locked():
            tokens = self._credentials.find(self._url)
            if tokens is None:
                raise NotAuthenticated(f"nobody is signed in at {self._url}; use `tensorfleet login`")
            if float(tokens["expires_at"]) > time.time() + EARLY_S:
                return tokens
            body = {"refresh_token": tokens["refresh_token"]}
            answer = yield httpx.Request(
                "POST", f"{self._url}/api/v1/auth/refresh", json=body, extensions=request.extensions
            )
            if answer.status_code != httpx.codes.OK:
                raise NotAuthenticated(
                    f"the sign-in at {self._url} has ended; sign in again with `tensorfleet login`"
                )
            fresh: dict[str, Any] = answer.json()
            self._credentials.save(self._url, fresh)
        return fresh
