"""Lineage over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.kit.answers import Instant, answers
from tensorfleet.lineage.model import EdgeKind, NodeKind
from tensorfleet.lineage.service import Lineage

InWorkspace = Annotated[str, Query(max_length=100)]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="all versions when left out")]


class NodeRead(TypedDict):
    id: Annotated[str, Field(description="of a job its own; else kind:workspace/name@version")]
    kind: NodeKind
    name: str
    workspace: str
    version: int | None
    status: Annotated[str | None, Field(description="of a job or study")]
    aliases: Annotated[list[str], Field(description="of a model version")]
    created_at: Instant | None


EdgeRead = TypedDict("EdgeRead", {"from": str, "to": str, "kind": EdgeKind})


class LineageRead(TypedDict):
    """What was made of what; nodes that the caller may not see are left out, with their edges."""

    nodes: list[NodeRead]
    edges: list[EdgeRead]
    cut: Annotated[bool, Field(description="whether there is more than is shown")]


def build_router(lineage: Lineage) -> APIRouter:
    router = APIRouter()

    @router.get("/datasets/{name}/lineage", tags=["datasets"], responses=answers(LineageRead))
    async def dataset_lineage(
        name: str, version: Version = None, workspace: InWorkspace = "default"
    ) -> dict[str, Any]:
        """Which jobs have read a dataset, and which models came of them, as a graph of 500 nodes at most."""
        return (await asyncio.to_thread(lineage.of_dataset, name, workspace, version)).to_dict()

    @router.get("/models/{name}/lineage", tags=["models"], responses=answers(LineageRead))
    async def model_lineage(
        name: str, version: Version = None, workspace: InWorkspace = "default"
    ) -> dict[str, Any]:
        """Which jobs a model came of, and what they have read and gone on from, as a graph of 500 nodes at most."""
        return (await asyncio.to_thread(lineage.of_model, name, workspace, version)).to_dict()

    return router
