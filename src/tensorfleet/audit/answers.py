"""What the API answers about the audit log, for its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.kit.answers import Instant

Change = Annotated[Any, Field(description="as the call told of it; secrets are never in it")]


class EntryRead(TypedDict):
    """One entry: who did what, from where, when, and what came of it."""

    seq: Annotated[int, Field(description="the place in the chain, from 1, without gaps")]
    id: str
    at: Instant
    action: Annotated[str, Field(examples=["jobs.cancel"])]
    actor_id: str | None
    actor_name: str | None
    via: Annotated[str | None, Field(description="how the actor proved who it is: token, session or key")]
    credential: Annotated[str | None, Field(description="the session or key")]
    source: Annotated[str | None, Field(description="the address that the call came from")]
    target_kind: str | None
    target: str | None
    workspace: str | None
    outcome: Annotated[
        int | None, Field(description="the HTTP status; null if the gateway ended before it answered")
    ]
    count: Annotated[int, Field(description="so many calls of this kind, within a minute, in one entry")]
    before: Change
    after: Change
    trace_id: str | None
    subject: Annotated[str | None, Field(description="the account that it is about")]
    hash: Annotated[str, Field(description="of this entry and the hash before it")]


class ProblemRead(TypedDict):
    """The first entry that is not as it was written."""

    seq: int
    id: str | None
    what: str


class VerdictRead(TypedDict):
    """What came of a verification."""

    ok: bool
    entries: Annotated[int, Field(description="so many were found good")]
    first: int | None
    last: int | None
    anchored: Annotated[int | None, Field(description="up to this one, a cut at the end would be found")]
    problem: ProblemRead | None
