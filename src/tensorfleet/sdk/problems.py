"""Answers that say no (`application/problem+json`), turned back into the classes of `tensorfleet.errors`."""

from __future__ import annotations

from typing import Any

import httpx

from tensorfleet import errors
from tensorfleet.errors import FieldError, TensorFleetError, Unavailable
from tensorfleet.sdk.address import is_loopback
from tensorfleet.sdk.tls import why_not

_BY_STATUS: dict[int, type[TensorFleetError]] = {
    400: errors.InvalidInput,
    401: errors.NotAuthenticated,
    403: errors.NotPermitted,
    404: errors.NotFound,
    405: errors.InvalidInput,
    409: errors.Conflict,
    412: errors.PreconditionFailed,
    413: errors.TooLarge,
    415: errors.InvalidInput,
    422: errors.InvalidInput,
    429: errors.TooManyRequests,
    502: errors.Unavailable,
    503: errors.Unavailable,
    504: errors.Unavailable,
    507: errors.StorageFull,
}
_SIGN_IN = "set TENSORFLEET_TOKEN, or run this on the machine and in the home where `tensorfleet up` ran"


class Silence(Unavailable):
    """An open stream that brought nothing for the time it was given."""


def no_answer(url: str, error: httpx.HTTPError) -> Unavailable:
    """What a request without an answer is told as."""
    refused = why_not(error, url)
    if refused is not None:
        return Unavailable(refused)
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        if is_loopback(url):
            return Unavailable(f"TensorFleet is not running at {url}; start it with `tensorfleet up`")
        return Unavailable(
            f"TensorFleet cannot be reached at {url} ({error}); check TENSORFLEET_URL and the network"
        )
    if isinstance(error, httpx.TimeoutException):
        return Unavailable(f"{url} did not answer in time; see `tensorfleet status`")
    if isinstance(error, httpx.RemoteProtocolError) and url.startswith("http:"):
        return Unavailable(
            f"{url} ended the connection ({error}); if HTTPS is spoken there, write the address with https://"
        )
    return Unavailable(f"the connection to {url} broke ({error or type(error).__name__}); try again")


def error_of(response: httpx.Response) -> TensorFleetError:
    """The error that an answer of 400 or above stands for; an unknown `code` falls back on the status."""
    problem = _problem(response)
    if problem is None:
        cls = _BY_STATUS.get(response.status_code, errors.Internal)
        detail = f"{response.url} answered {response.status_code}, not as TensorFleet does; check the address"
        return _with_wait(cls(detail), response)
    by_code = errors.all_error_classes().get(str(problem.get("code")))
    cls = by_code or _BY_STATUS.get(response.status_code, errors.Internal)
    detail = str(
        problem.get("detail") or problem.get("title") or f"the server answered {response.status_code}"
    )
    if cls is errors.NotAuthenticated and "password" not in detail and "login" not in detail:
        detail = f"{detail}; {_SIGN_IN}"
    return _with_wait(_build(cls, detail, problem.get("errors")), response)


def _with_wait(error: TensorFleetError, response: httpx.Response) -> TensorFleetError:
    """Of `Retry-After` only seconds are understood: that is what TensorFleet and rate limits send."""
    said = response.headers.get("Retry-After", "")
    if error.retriable and said.isascii() and said.isdigit() and len(said) < 9:
        error.wait_s = float(said)
    elif isinstance(error, errors.TooManyRequests):
        error.wait_s = 1.0
    return error


def _problem(response: httpx.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) and ("detail" in body or "title" in body) else None


def _build(cls: type[TensorFleetError], detail: str, fields: object) -> TensorFleetError:
    # The constructors of subclasses take typed fields that an answer does not carry, so they are passed over.
    error = cls.__new__(cls)
    TensorFleetError.__init__(error, detail)
    if isinstance(error, errors.InvalidInput):
        found = [item for item in fields if isinstance(item, dict)] if isinstance(fields, list) else []
        error.errors = tuple(
            FieldError(
                str(item.get("field", "")), str(item.get("message", "")), str(item.get("code", "invalid"))
            )
            for item in found
        )
    return error
