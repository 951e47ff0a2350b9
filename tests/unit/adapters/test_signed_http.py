"""What is said of answers at signed addresses, and of the addresses."""

from __future__ import annotations

import logging
import os

import httpx
import pytest

from tensorfleet.adapters.signed_http import SignedHttp, cut_signatures, is_stale, refusal, size_of
from tensorfleet.errors import NotFound, NotPermitted, TensorFleetError, Unavailable

URL = "http://s3:8333/bucket/key?X-Amz-Credential=k&X-Amz-Signature=secret"


def answer(status: int, code: str = "", **headers: str) -> httpx.Response:
    text = f'<?xml version="1.0"?><Error><Code>{code}</Code></Error>' if code else ""
    return httpx.Response(status, text=text, headers=headers)


@pytest.mark.parametrize(
    ("status", "code", "cls"),
    [
        (404, "NoSuchKey", NotFound),
        (404, "", NotFound),
        (404, "NoSuchUpload", Unavailable),
        (403, "AccessDenied", NotPermitted),
        (403, "", NotPermitted),
        (400, "BadDigest", Unavailable),
    ],
)
def test_refusals(status: int, code: str, cls: type[TensorFleetError]) -> None:
    found = refusal("a/key", answer(status, code))
    assert type(found) is cls
    assert "'a/key'" in found.detail
    assert code in found.detail or cls is NotFound


def test_what_another_address_may_mend() -> None:
    assert is_stale(answer(403, "AccessDenied"))
    assert is_stale(answer(400, "ExpiredToken"))
    assert not is_stale(answer(400, "BadDigest"))
    assert not is_stale(answer(206))


def test_the_size_of_the_whole() -> None:
    assert size_of(answer(206, **{"content-range": "bytes 0-9/4711"})) == 4711
    assert size_of(answer(206, **{"content-range": "bytes 0-9/*"})) == 0
    assert size_of(httpx.Response(200, content=b"abc")) == 3


def test_a_record_is_cut() -> None:
    args = ("GET", httpx.URL(URL), 200)
    record = logging.LogRecord("httpx", logging.INFO, "", 1, "%s %s %d", args, None)
    assert cut_signatures(record)
    assert record.getMessage() == "GET http://s3:8333/bucket/key 200"
    plain = logging.LogRecord("httpx", logging.INFO, "", 1, "no arguments", None, None)
    assert cut_signatures(plain)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_is_tried_again(status: int) -> None:
    error = _requested(lambda request: httpx.Response(status))
    assert f"answers {status}" in error


def test_an_error_does_not_tell_the_address() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"cannot connect to {request.url}")

    error = _requested(broken)
    assert error == "the object store at s3 does not answer: ConnectError"


def _requested(answers: object) -> str:
    found = SignedHttp()
    found._link = (os.getpid(), httpx.Client(transport=httpx.MockTransport(answers)))  # type: ignore[arg-type]
    with pytest.raises(Unavailable) as caught:
        found.request("GET", URL)
    found.close()
    found.close()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.detail
