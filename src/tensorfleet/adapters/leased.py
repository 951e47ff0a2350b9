"""An object store for a task without keys of it: the task asks its agent, and reads and sends at the addresses it is given.

Addresses are good for some minutes and are asked for anew; no clock of this machine plays a part in whether they are.
"""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tensorfleet.errors import (
    Conflict,
    NotFound,
    NotPermitted,
    TensorFleetError,
    TooLarge,
    Unavailable,
    all_error_classes,
)
from tensorfleet.objects.desk import PART_BYTES, SMALL_BYTES
from tensorfleet.objects.ports import STREAM_BYTES, ObjectInfo, check_key

if TYPE_CHECKING:
    import httpx

    from tensorfleet.adapters.signed_http import SignedHttp

LEASED = "lease:"
"""What an agent is told in the place of a store's URL: its tasks ask for what their leases need."""
LENT = "TENSORFLEET_LENT"
"""In the environment of a template: its tasks get their objects over HTTP."""
SOCKET_LIMIT_BYTES = 100
PATIENCE_S = 60.0
"""Longer than a restart of the orchestrator or of the store; what still fails is repeated by the job."""
SENDERS = 4
_ANSWER_LIMIT_S = 90.0
_USED_SHARE = 0.5
"""Of an address's life; the rest is for the way to where it is used."""
Found = TypeVar("Found")


def leased_url(secret: str, path: Path) -> str:
    return f"{LEASED}{secret}@{path}"


class LeasedObjectStore:
    """The port `ObjectStore` for one lease; what the task has forked may use it too.  Copies are not lent."""

    def __init__(
        self,
        url: str,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._secret, _, self._path = url.removeprefix(LEASED).partition("@")
        self._patience_s = patience_s
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._urls: dict[str, tuple[str, float]] = {}

    def put(self, key: str, data: bytes, *, overwrite: bool = True) -> bool:
        check_key(key)
        if len(data) <= SMALL_BYTES:
            return bool(self._ask("put", key, data, overwrite=overwrite)["stored"])
        if not overwrite:
            raise TooLarge(
                f"'{key}' has {len(data)} bytes; what must not replace another has at most {SMALL_BYTES}"
            )
        self._send(key, data)
        return True

    def get(self, key: str) -> bytes:
        from tensorfleet.adapters.signed_http import size_of

        head = self._read(check_key(key), 0, PART_BYTES)
        if head is None:
            return b""
        ends = range(PART_BYTES, size_of(head), PART_BYTES)
        etag = head.headers.get("etag", "")
        with ThreadPoolExecutor(SENDERS) as pool:
            pieces = pool.map(lambda start: self._piece(key, start, start + PART_BYTES, etag), ends)
            return b"".join([head.content, *pieces]) if ends else head.content

    def get_range(self, key: str, start: int, end: int) -> bytes:
        if 0 <= start < end:
            return self._piece(check_key(key), start, end)
        if self.size(key) is None:
            raise NotFound(f"there is no object '{key}'")
        return b""

    def stream(self, key: str, chunk_bytes: int = STREAM_BYTES) -> Iterator[bytes]:
        from tensorfleet.adapters.signed_http import size_of

        head = self._read(check_key(key), 0, chunk_bytes)
        if head is None:
            return
        yield head.content
        for start in range(chunk_bytes, size_of(head), chunk_bytes):
            yield self._piece(key, start, start + chunk_bytes, head.headers.get("etag", ""))

    def copy(self, source: str, target: str) -> None:
        raise NotPermitted(f"a task copies nothing in the store, neither '{source}'; read it and put it")

    def size(self, key: str) -> int | None:
        size = self._ask("size", check_key(key))["bytes"]
        return None if size is None else int(size)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        folder = check_key(prefix.rstrip("/")) if prefix else ""
        for key, size in self._ask("list", folder)["items"]:
            yield ObjectInfo(str(key), int(size))

    def delete(self, key: str) -> None:
        self._ask("delete", check_key(key))

    def ping(self) -> None:
        self._ask("ping", "")

    def close(self) -> None:
        """Ends the connections of this process; the store can still be used."""
        self._http.close()

    # ---- asking ------------------------------------------------------------------------------------------------------

    def _ask(self, op: str, key: str, data: bytes = b"", **fields: Any) -> dict[str, Any]:
        return self._patiently(lambda: self._ask_once(op, key, data, **fields))

    def _ask_once(self, op: str, key: str, data: bytes = b"", **fields: Any) -> dict[str, Any]:
        question = {"secret": self._secret, "sent": len(data), "op": op, "key": key, **fields}
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.settimeout(_ANSWER_LIMIT_S)
                link.connect(self._path)
                with suppress(BrokenPipeError):  # refused before it was read to its end
                    link.sendall(json.dumps(question).encode() + b"\n" + data)
                with link.makefile("rb") as answers:
                    answer = json.loads(answers.readline())
        except (OSError, ValueError) as error:
            raise Unavailable(f"this worker's agent does not answer about objects: {error}") from error
        if "error" in answer:
            raise _error_of(answer["error"])
        return dict(answer["ok"])

    def _patiently(self, call: Callable[[], Found]) -> Found:
        deadline = self._clock() + self._patience_s
        pause_s = 0.05
        while True:
            try:
                return call()
            except Unavailable:
                if self._clock() + pause_s > deadline:
                    raise
            self._sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - so that ranks do not ask in step
            pause_s = min(2 * pause_s, 2.0)

    @cached_property
    def _http(self) -> SignedHttp:
        from tensorfleet.adapters.signed_http import SignedHttp

        return SignedHttp()

    def _exchange(self, key: str, method: str, url: Callable[[bool], str], **more: Any) -> httpx.Response:
        """`url` gives the address; called with True, another than before."""
        from tensorfleet.adapters.signed_http import is_stale

        answer = self._patiently(lambda: self._http.request(method, url(False), **more))
        if is_stale(answer):
            answer = self._patiently(lambda: self._http.request(method, url(True), **more))
        return answer

    # ---- reading -----------------------------------------------------------------------------------------------------

    def _read(self, key: str, start: int, end: int, etag: str = "") -> httpx.Response | None:
        """A range of an object; None when it ends before.

        Raises:
            NotFound: there is no such object.
            Conflict: it is not the one of `etag` any more.
        """
        from tensorfleet.adapters.signed_http import refusal

        headers = {"Range": f"bytes={start}-{end - 1}"} | ({"If-Match": etag} if etag else {})
        answer = self._exchange(key, "GET", lambda anew: self._url(key, anew=anew), headers=headers)
        if answer.status_code in (200, 206):
            return answer
        if answer.status_code == 416:
            return None
        if answer.status_code == 412:
            raise Conflict(f"the object '{key}' was replaced while it was read; read it again")
        raise refusal(key, answer)

    def _piece(self, key: str, start: int, end: int, etag: str = "") -> bytes:
        found = self._read(key, start, end, etag)
        return b"" if found is None else found.content

    def _url(self, key: str, *, anew: bool) -> str:
        with self._lock:
            url, until = self._urls.get(key, ("", 0.0))
        if url and self._clock() < until and not anew:
            return url
        asked_at = self._clock()
        answer = self._ask("read", key)
        until = asked_at + float(answer["good_for_s"]) * _USED_SHARE
        with self._lock:
            self._urls = {name: one for name, one in self._urls.items() if one[1] > asked_at}
            self._urls |= {name: (url, until) for name, url in answer["urls"].items()}
        return str(answer["urls"][key])

    # ---- sending -----------------------------------------------------------------------------------------------------

    def _send(self, key: str, data: bytes) -> None:
        """In parts, each of which is sent again by itself when it fails."""
        begun = self._ask("begin", key, size=len(data))
        upload, part_bytes = str(begun["upload"]), int(begun["part_bytes"])
        count = -(-len(data) // part_bytes)
        parts = _Parts(lambda first: self._ask("parts", key, upload=upload, first=first)["urls"])
        view = memoryview(data)

        def sent(number: int) -> str:
            piece = bytes(view[(number - 1) * part_bytes : number * part_bytes])
            return self._send_part(key, parts, number, piece)

        try:
            with ThreadPoolExecutor(min(SENDERS, count)) as pool:
                etags = list(pool.map(sent, range(1, count + 1)))
            self._ask("complete", key, upload=upload, size=len(data), etags=etags)
        except BaseException:
            with suppress(TensorFleetError):
                self._ask_once("abort", key, upload=upload)
            raise

    def _send_part(self, key: str, parts: _Parts, number: int, piece: bytes) -> str:
        from tensorfleet.adapters.signed_http import refusal

        answer = self._exchange(key, "PUT", lambda anew: parts.url(number, anew=anew), content=piece)
        if answer.status_code == 200:
            return str(answer.headers["etag"])
        raise refusal(key, answer)


class _Parts:
    """The addresses of an upload's parts, asked for when they are needed."""

    def __init__(self, ask: Callable[[int], Mapping[str, str]]) -> None:
        self._ask = ask
        self._urls: dict[int, str] = {}
        self._lock = threading.Lock()

    def url(self, number: int, *, anew: bool) -> str:
        with self._lock:
            if anew or number not in self._urls:
                self._urls |= {int(n): url for n, url in self._ask(number).items()}
            return self._urls[number]


def _error_of(said: Mapping[str, Any]) -> TensorFleetError:
    cls = all_error_classes().get(str(said.get("code")), Unavailable)
    try:
        return cls(str(said.get("detail")))
    except (TypeError, AttributeError):  # one that is not made of a sentence
        return Unavailable(str(said.get("detail")))
