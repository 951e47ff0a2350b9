"""`GET /algorithms`: the catalogue of algorithms."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from typing_extensions import TypedDict

from tensorfleet.kit.answers import Page, answers
from tensorfleet.kit.conditional import NOT_MODIFIED, tagged
from tensorfleet.kit.paging import page_of
from tensorfleet.training import registry

Word = Annotated[str | None, Query(max_length=100)]


class AlgorithmRead(TypedDict):
    """A built-in algorithm, or one of an installed package."""

    name: str
    summary: str
    library: str
    tasks: list[str]
    distributes: bool
    defaults: dict[str, Any]
    schema: dict[str, Any]


def build_router() -> APIRouter:
    router = APIRouter(tags=["jobs"])

    @router.get("/algorithms", responses=answers(Page[AlgorithmRead]) | NOT_MODIFIED)
    async def list_algorithms(
        request: Request,
        library: Word = None,
        task: Word = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
        sort: Literal["name", "-name"] = "name",
    ) -> Response:
        """The built-in algorithms, with the JSON schema of their hyperparameters."""
        found = [one for one in registry.catalogue() if library in (None, one["library"])]
        found = [one for one in found if task is None or task in one["tasks"]]
        shown, following = page_of(found, limit, cursor, sort, {"name": _name}, _name)
        return tagged(request, {"items": shown, "next_cursor": following})

    return router


def _name(algorithm: dict[str, Any]) -> str:
    return str(algorithm["name"])
