"""HTTP to the gateway: authentication, retries, and answers as values or errors of `tensorfleet.errors`."""

from __future__ import annotations

import copy
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from tensorfleet.errors import Internal, TensorFleetError, Unavailable
from tensorfleet.kit.retry import delays
from tensorfleet.sdk.address import Address, is_loopback
from tensorfleet.sdk.aio import ground
from tensorfleet.sdk.aio.auth import AsyncSignedIn
from tensorfleet.sdk.paths import segments as segments
from tensorfleet.sdk.problems import Silence, error_of, no_answer
from tensorfleet.sdk.sign_in import Credentials
from tensorfleet.sdk.tls import context_of

API = "/api/v1"
PAGE = 200
_OF_A_WORKSPACE = ("datasets", "models", "download", "secrets")
_RETRIED_STATUS = frozenset({502, 503, 504})
_REPEATABLE = frozenset({"GET", "PUT", "DELETE", "POST"})
"""The second time they do nothing more: by what they are, or by their `Idempotency-Key`."""
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class AsyncTransport:
    """One server, one token.  Safe to use from several tasks.

    Every POST carries an `Idempotency-Key`, so that each call may be repeated when its answer is lost.  A
    server that has never answered this client is not waited for: it is most likely not running.
    """

    def __init__(
        self,
        address: Address,
        *,
        http: httpx.AsyncBaseTransport | None = None,
        patience_s: float = 20.0,
        sleep: Callable[[float], Awaitable[None]] = ground.sleep,
    ) -> None:
        self.address = address
        self.patience_s = patience_s
        self.sleep = sleep
        self._answered = False
        self._http = _http_client(address, http)

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """The decoded JSON of the answer, None when it has no body; options as for `send`."""
        response = await self.send(method, path, **options)
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise Internal(
                f"{response.url} answered something that is not JSON; check the address"
            ) from error

    async def send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        api: str = API,
        retry: bool = True,
        accepted: Collection[int] = (),
    ) -> httpx.Response:
        """Sends one request, repeating it with growing delays while the server is away or busy.

        A server that says when to ask again is asked then, and not at all if that is beyond the transport's patience.

        Args:
            content: the body; an iterable is iterated anew for each try, so it cannot be a generator.
            accepted: statuses of 400 and above that are answers, not errors.

        Raises:
            TensorFleetError: the class that the answer's problem names; Unavailable when no answer came.
        """
        sent = dict(headers or {})
        if method == "POST":
            sent.setdefault("Idempotency-Key", uuid.uuid4().hex)
        query = {
            **self._workspace(path),
            **{key: value for key, value in (params or {}).items() if value is not None},
        }
        request = self._http.build_request(
            method, self.address.url + api + path, json=json, params=query, content=content, headers=sent
        )
        patience_s = self.patience_s if retry and method in _REPEATABLE else 0
        for wait_s in delays(patience_s):
            try:
                return await self._once(request, accepted)
            except TensorFleetError as problem:
                patience_s -= problem.wait_s
                if not (problem.retriable and self._answered) or patience_s < 0:
                    raise
                pause_s = max(wait_s, problem.wait_s)
            await self.sleep(pause_s)
        return await self._once(request, accepted)

    async def _once(self, request: httpx.Request, accepted: Collection[int]) -> httpx.Response:
        try:
            response = await self._http.send(request)
        except httpx.HTTPError as error:
            raise no_answer(self.address.url, error) from error
        self._answered = True
        if response.is_success or response.status_code in accepted:
            return response
        refusal = error_of(response)
        if response.status_code in _RETRIED_STATUS and not refusal.retriable:
            raise Unavailable(refusal.detail)
        raise refusal

    @asynccontextmanager
    async def open(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, list[str]] | None = None,
        read_s: float = 60.0,
        accepted: Collection[int] = (),
    ) -> AsyncIterator[httpx.Response]:
        """The answer to a GET whose body is read piece by piece, once, without retries.

        Args:
            accepted: statuses of 400 and above that are not raised.

        Raises:
            Silence: nothing came for `read_s`.
            Unavailable: the connection failed or broke, here or while the body was read.
        """
        timeout = httpx.Timeout(60.0, connect=10.0, read=read_s)
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        url = self.address.url + API + path
        try:
            query = {**(params or {}), **self._workspace(path)}
            async with self._http.stream("GET", url, params=query, headers=sent, timeout=timeout) as response:
                self._answered = True
                if not response.is_success and response.status_code not in accepted:
                    await response.aread()
                    raise error_of(response)
                yield response
        except httpx.ReadTimeout as error:
            raise Silence(f"{self.address.url} sent nothing for {read_s:.0f} s") from error
        except httpx.HTTPError as error:
            raise no_answer(self.address.url, error) from error

    def within(self, workspace: str | None) -> AsyncTransport:
        """The same connection, for datasets, models and secrets of that workspace."""
        other = copy.copy(self)
        other.address = replace(self.address, workspace=workspace)
        return other

    def _workspace(self, path: str) -> dict[str, str]:
        """What the query says of the workspace, where names are those of one."""
        chosen = self.address.workspace
        return {"workspace": chosen} if chosen and path.split("/")[1] in _OF_A_WORKSPACE else {}

    async def pages(
        self, path: str, params: Mapping[str, Any] | None = None, limit: int | None = None
    ) -> AsyncIterator[Any]:
        """The items of a list, page by page, up to `limit`."""
        query = dict(params or {})
        left = limit
        while left is None or left > 0:
            query["limit"] = PAGE if left is None else min(PAGE, left)
            page = await self.call("GET", path, params=query)
            for item in page["items"] if left is None else page["items"][:left]:
                yield item
            left = None if left is None else left - len(page["items"])
            cursor = page.get("next_cursor")
            if cursor is None or cursor == query.get("cursor"):
                return
            query["cursor"] = cursor

    async def close(self) -> None:
        await self._http.aclose()


def _http_client(address: Address, http: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    from tensorfleet import __version__

    headers = {"User-Agent": f"tensorfleet/{__version__}"}
    credentials = Credentials()
    auth = None
    if address.token:
        headers["Authorization"] = f"Bearer {address.token}"
    elif credentials.find(address.url) is not None:
        auth = AsyncSignedIn(address.url, credentials)
    return httpx.AsyncClient(
        headers=headers,
        auth=auth,
        timeout=_TIMEOUT,
        verify=context_of(address),
        transport=http,
        trust_env=not is_loopback(address.url),
    )
