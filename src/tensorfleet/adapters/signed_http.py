"""HTTP to addresses that carry their own right: nothing that is said of one, in messages and logs, goes on to its signature."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import httpx

from tensorfleet.errors import NotFound, NotPermitted, TensorFleetError, Unavailable

_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_MOST_CONNECTIONS = 16
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


class SignedHttp:
    """Requests of one process and of what it forks.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._link: tuple[int, httpx.Client] | None = None
        logging.getLogger("httpx").addFilter(cut_signatures)

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        """Raises Unavailable: nobody answers there, or asks to come back later."""
        try:
            answer = self._client.request(method, url, **more)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"the object store at {httpx.URL(url).host} does not answer: {type(error).__name__}"
            ) from None  # with its traceback the address would be told
        if answer.status_code in _AGAIN:
            raise Unavailable(f"the object store answers {answer.status_code}")
        return answer

    def close(self) -> None:
        """Ends the connections of this process; more can be made."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None and link[0] == os.getpid():
            link[1].close()

    @property
    def _client(self) -> httpx.Client:
        with self._lock:
            if self._link is None or self._link[0] != os.getpid():  # connections are not shared over a fork
                limits = httpx.Limits(max_connections=_MOST_CONNECTIONS)
                self._link = (os.getpid(), httpx.Client(timeout=_TIMEOUT, limits=limits))
            return self._link[1]


def cut_signatures(record: logging.LogRecord) -> bool:
    """Leaves of each address in a record what comes before its query."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            str(arg).partition("?")[0] if "X-Amz-" in str(arg) else arg for arg in record.args
        )
    return True


def is_stale(answer: httpx.Response) -> bool:
    """Whether the address is not good any more, so that another one may be."""
    return answer.status_code == 403 or (answer.status_code == 400 and _code(answer) == "ExpiredToken")


def refusal(key: str, answer: httpx.Response) -> TensorFleetError:
    """The error that an answer stands for."""
    code = _code(answer)
    if answer.status_code == 404 and code != "NoSuchUpload":
        return NotFound(f"there is no object '{key}'")
    if answer.status_code == 403:
        return NotPermitted(
            f"the object store refuses '{key}' ({code or 403}): the address was not good any more, or the clock of the"
            " orchestrator is not that of the store"
        )
    return Unavailable(f"the object store answers {answer.status_code} for '{key}' ({code or 'no reason'})")


def size_of(answer: httpx.Response) -> int:
    """The bytes of the object of which an answer has a range."""
    size = answer.headers.get("content-range", "").rpartition("/")[2]
    return int(size) if size.isdigit() else len(answer.content)


def _code(answer: httpx.Response) -> str:
    """S3's name for what is wrong."""
    return answer.text.partition("<Code>")[2].partition("</Code>")[0][:60]
