"""Requests that a browser signs in by cookie: whether the page that sent them is ours.

A browser sends cookies along with whatever any page makes it ask.  Two things tell the difference: what the browser itself
says of where a request comes from, and a token that only our own pages can read from their cookie and repeat in a header.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from tensorfleet.errors import NotPermitted

COOKIE = "tensorfleet_csrf"
HEADER = "X-CSRF-Token"
_SAFE = ("GET", "HEAD", "OPTIONS")
_PORTS = {"http": 80, "https": 443}
_FOREIGN = "this request comes from a page of another site; ask from TensorFleet's own"
_NO_TOKEN = f"send what the cookie '{COOKIE}' holds as the header {HEADER} as well"


def token_of(secret: bytes, session_id: str) -> str:
    """What the cookie of a session holds: nobody can make one for it who does not have the secret."""
    return hmac.new(secret, b"csrf:" + session_id.encode(), hashlib.sha256).hexdigest()


def check(scope: Any, expected: str | None = None, origins: Sequence[str] = ()) -> None:
    """Returns if a request that came with a session's cookie may be answered.

    Args:
        expected: the session's `token_of`; without it, header and cookie are only compared with each other.
        origins: pages of these may ask, too.

    Raises:
        NotPermitted: it changes something, and is not from a page of ours.
    """
    if scope["method"] in _SAFE:
        return
    check_origin(scope, origins)
    headers = _headers(scope)
    sent, kept = headers.get(HEADER.lower(), ""), _cookie(headers.get("cookie", ""))
    good = bool(sent) and hmac.compare_digest(sent.encode(), kept.encode())
    if not good or (expected is not None and not hmac.compare_digest(sent.encode(), expected.encode())):
        raise NotPermitted(_NO_TOKEN)


def check_origin(scope: Any, origins: Sequence[str] = ()) -> None:
    """Returns if the browser says that a page of ours asks, or nothing.

    Raises:
        NotPermitted: it is a page of others.
    """
    if not _ours(_headers(scope), scope["scheme"], origins):
        raise NotPermitted(_FOREIGN)


def _ours(headers: dict[str, str], scheme: str, origins: Sequence[str]) -> bool:
    origin = headers.get("origin")
    if origin is not None and origin.lower() in origins:
        return True
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    # Programs say nothing of an origin, and browsers always do; without one the token decides.
    return origin is None or _host_of(origin) == _host_of(
        f"{_scheme_of(origin, scheme)}://{headers.get('host', '')}"
    )


def _scheme_of(origin: str, scheme: str) -> str:
    """TLS may end at a proxy in front that does not say so: the page's own scheme is as good for the default port."""
    found = origin.partition("://")[0].lower()
    return found if found in _PORTS else scheme


def _host_of(url: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def _headers(scope: Any) -> dict[str, str]:
    """Of one that is there twice the two together: that is no origin, host or token then."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        joint = "; " if key == "cookie" else ", "
        found[key] = f"{found[key]}{joint}{text}" if key in found else text
    return found


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""
