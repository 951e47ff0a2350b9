"""What answers of the API have in common, as types and parts of its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

Responses = dict[int | str, dict[str, Any]]
"""What FastAPI takes as `responses` of a route."""
Item = TypeVar("Item")
Instant = Annotated[
    str,
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T03:12:25.597366Z"]}),
]
"""RFC 3339, UTC."""


class Page(TypedDict, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: Annotated[str | None, Field(description="send it back as cursor; null at the end")]


def answers(model: Any, status: int = 200, *also: int) -> Responses:
    """What a route answers, and the problems that it has beside those of every route of its kind."""
    return {status: {"model": model}, **{code: {} for code in also}}


def file_of(*kinds: str) -> Responses:
    """For a route that answers with a file of one of these media types, or with the part of it that `Range` asks for."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    return {
        200: {"description": "The whole file", "content": content},
        206: {"description": "The part that Range asks for", "content": content},
        416: {"description": "Range asks for what lies outside the file"},
    }


EVENTS: Responses = {
    200: {
        "description": "Server-Sent Events, each of them so",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "required": ["event", "data"],
                    "properties": {
                        "id": {"type": "string", "pattern": "^[0-9]+$", "description": "for Last-Event-ID"},
                        "event": {"type": "string", "description": "its kind; end is the last one of a job"},
                        "data": {"type": "string", "description": "JSON, as in GET /jobs/{job_id}/events"},
                    },
                }
            }
        },
    }
}
"""For a route that answers with a live stream."""
RANGE: dict[str, Any] = {
    "name": "Range",
    "in": "header",
    "required": False,
    "description": "bytes=START-END",
    "schema": {"type": "string", "examples": ["bytes=0-99"]},
}
