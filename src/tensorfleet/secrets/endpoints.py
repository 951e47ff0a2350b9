"""Secrets over HTTP: names go both ways, values only in."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse

from tensorfleet.access.current import the_caller
from tensorfleet.access.model import DEFAULT_WORKSPACE
from tensorfleet.kit.answers import Page, answers
from tensorfleet.secrets.schemas import (
    RotationRead,
    SecretBody,
    SecretRead,
    rotation_to_dict,
    secret_to_dict,
)
from tensorfleet.secrets.service import SecretService

Workspace = Annotated[str, Query(max_length=100)]
Name = Annotated[str, Path(max_length=100)]


def build_router(secrets: SecretService) -> APIRouter:
    router = APIRouter(tags=["secrets"])

    @router.get("/secrets", responses=answers(Page[SecretRead]))
    async def list_secrets(workspace: Workspace = DEFAULT_WORKSPACE) -> JSONResponse:
        """The secrets of a workspace by name, without their values."""
        found = await asyncio.to_thread(secrets.list, workspace)
        return JSONResponse({"items": [secret_to_dict(one) for one in found], "next_cursor": None})

    @router.put("/secrets/{name}", responses=answers(SecretRead, 200, 409))
    async def set_secret(
        name: Name, body: SecretBody, workspace: Workspace = DEFAULT_WORKSPACE
    ) -> JSONResponse:
        """Keeps a value under a name, in place of the one before; nobody can read it again."""
        value = body.value.get_secret_value()
        kept = await asyncio.to_thread(secrets.put, workspace, name, value, the_caller().name)
        return JSONResponse(secret_to_dict(kept))

    @router.delete("/secrets/{name}", status_code=204)
    async def delete_secret(name: Name, workspace: Workspace = DEFAULT_WORKSPACE) -> None:
        """Deletes a secret; jobs that name it fail when they start next."""
        await asyncio.to_thread(secrets.delete, workspace, name)

    @router.post("/secrets/rotation", responses=answers(RotationRead, 200, 409))
    async def rotate_secrets_key() -> JSONResponse:
        """Seals all secrets with the newest key; values stay, and can be used all the while."""
        return JSONResponse(rotation_to_dict(await asyncio.to_thread(secrets.rotate)))

    return router
