"""The token of somebody who has signed in: sent with each call, and a new one fetched before the old one ends."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tensorfleet.errors import NotAuthenticated
from tensorfleet.sdk.aio.ground import Lock, apart
from tensorfleet.sdk.sign_in import EARLY_S, Credentials

_OPEN = ("/auth/token", "/auth/program/token")


@asynccontextmanager
async def held(credentials: Credentials) -> AsyncIterator[None]:
    """One process, and one of its tasks, at a time: a refresh token is good once.  Not to be nested."""
    with await apart(credentials.lock):
        yield


class AsyncSignedIn(httpx.Auth):
    """Sends the access token, and refreshes it before it ends."""

    requires_response_body = True

    def __init__(self, url: str, credentials: Credentials) -> None:
        self._url = url
        self._credentials = credentials
        self._turn = Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        if "Authorization" in request.headers or request.url.path.endswith(_OPEN):
            yield request
            return
        tokens = self._credentials.find(self._url) or {}
        if _ends(tokens):
            async with self._turn, held(self._credentials):
                tokens = self._found()  # another task or process may have been faster
                if _ends(tokens):
                    answer = yield self._refresh(request, tokens)
                    await answer.aread()  # httpx reads it only for flows that are neither kind
                    tokens = self._kept(answer)
        request.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        yield request

    def _found(self) -> dict[str, Any]:
        tokens = self._credentials.find(self._url)
        if tokens is None:
            raise NotAuthenticated(f"nobody is signed in at {self._url}; use `tensorfleet login`")
        return tokens

    def _refresh(self, request: httpx.Request, tokens: dict[str, Any]) -> httpx.Request:
        body = {"refresh_token": tokens["refresh_token"]}
        url = f"{self._url}/api/v1/auth/refresh"
        return httpx.Request("POST", url, json=body, extensions=request.extensions)

    def _kept(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code != httpx.codes.OK:
            raise NotAuthenticated(
                f"the sign-in at {self._url} has ended; sign in again with `tensorfleet login`"
            )
        fresh: dict[str, Any] = answer.json()
        self._credentials.save(self._url, fresh)
        return fresh


def _ends(tokens: dict[str, Any]) -> bool:
    return float(tokens.get("expires_at", 0)) < time.time() + EARLY_S
