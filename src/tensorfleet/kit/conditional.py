"""Answers with an ETag: who has the same already is told so, and gets it no second time (RFC 9110)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tensorfleet.kit.answers import Responses
from tensorfleet.kit.storable import to_json

NOT_MODIFIED: Responses = {304: {"description": "It is still as If-None-Match says"}}
"""For the `responses` of a route that answers with `tagged`."""


def tagged(request: Request, data: Any, etag: str | None = None) -> Response:
    """The data as JSON with its ETag (made of what is in it, if none is given); 304 for a caller that has named it."""
    answer = Response(to_json(data), media_type="application/json")
    etag = etag or f'"{blake2b(answer.body, digest_size=12).hexdigest()}"'
    known = request.headers.get("if-none-match")
    if known is not None and names(known, etag):
        return Response(status_code=304, headers={"ETag": etag})
    answer.raw_headers.append((b"etag", etag.encode()))
    return answer


def names(header: str, etag: str) -> bool:
    """Whether `If-None-Match: header` names the ETag; a weak one counts as well."""
    return header.strip() == "*" or etag in (one.strip().removeprefix("W/") for one in header.split(","))
