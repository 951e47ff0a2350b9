"""`/models`: a face on the MLflow registry."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tensorfleet.errors import Conflict, InvalidInput
from tensorfleet.kit.clock import rfc3339
from tensorfleet.registry.candidates import formats_of
from tensorfleet.registry.model import ModelVersion, RegisteredModel
from tensorfleet.registry.service import RegistryService

_POLL_S = 0.05

Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=500)]


class AliasBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, strict=True)


class RegisterBody(BaseModel):
    """Either the job that left the model, or the folder in the object store that holds one."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=100)
    job_id: str | None = Field(default=None, max_length=64)
    source_prefix: str | None = Field(default=None, max_length=500)


def model_to_dict(model: RegisteredModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "latest_version": model.latest_version,
        "aliases": model.aliases,
        "created_at": rfc3339(model.created_at),
        "updated_at": rfc3339(model.updated_at),
    }


def version_to_dict(version: ModelVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": version.version,
        "model_id": version.model_id,
        "workspace": version.workspace,
        "job_id": version.job_id,
        "run_id": version.run_id,
        "source": version.source,
        "path": version.source,
        "aliases": list(version.aliases),
        "tags": version.tags,
        "metrics": version.metrics,
        "signature": version.signature,
        "files": [file.to_dict() for file in version.files],
        "formats": formats_of(version.tags),
        "created_at": rfc3339(version.created_at),
    }


def build_router(service: RegistryService, *, registration_wait_s: float = 15.0) -> APIRouter:
    """Routes of the slice; `POST /models` answers 201 if MLflow took it within the wait, else 202."""
    router = APIRouter(tags=["models"])

    @router.get("/models")
    async def list_models(limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
        models, following = service.models(limit, cursor)
        return {"items": [model_to_dict(model) for model in models], "next_cursor": following}

    @router.post("/models", status_code=201)
    async def register(body: RegisterBody, response: Response) -> dict[str, Any]:
        if (body.job_id is None) == (body.source_prefix is None):
            raise InvalidInput("give either job_id or source_prefix: what is to be registered")
        if body.job_id is not None:
            intent_id, candidate = service.request_job_model(body.name, body.job_id)
        else:
            intent_id, candidate = await asyncio.to_thread(
                service.request_folder, body.name, body.source_prefix or ""
            )
        number = await _await_version(service, intent_id, registration_wait_s)
        if number is None:
            response.status_code = 202
            return {
                "name": candidate.name,
                "version": None,
                "model_id": None,
                "path": candidate.source,
                "status": "pending",
            }
        return version_to_dict(service.version(candidate.name, str(number)))

    @router.get("/models/{name}")
    async def get_model(name: str) -> dict[str, Any]:
        return model_to_dict(service.model(name))

    @router.get("/models/{name}/versions")
    async def list_versions(name: str, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
        versions, following = service.versions(name, limit, cursor)
        return {"items": [version_to_dict(version) for version in versions], "next_cursor": following}

    @router.get("/models/{name}/versions/{version}")
    async def get_version(name: str, version: str) -> dict[str, Any]:
        return version_to_dict(service.version(name, version))

    @router.get("/models/{name}/versions/{version}/card")
    async def get_card(name: str, version: str) -> Response:
        card = await asyncio.to_thread(service.card, name, version)
        headers = {"X-Content-Type-Options": "nosniff"}
        return Response(card, media_type="text/markdown; charset=utf-8", headers=headers)

    @router.put("/models/{name}/aliases/{alias}")
    async def put_alias(name: str, alias: str, body: AliasBody) -> dict[str, Any]:
        return version_to_dict(service.set_alias(name, alias, body.version))

    @router.delete("/models/{name}/aliases/{alias}", status_code=204)
    async def delete_alias(name: str, alias: str) -> None:
        service.delete_alias(name, alias)

    return router


async def _await_version(service: RegistryService, intent_id: int, wait_s: float) -> int | None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while True:
        result = service.registration(intent_id)
        if result.error:
            raise Conflict(f"the registry refused it: {result.error}")
        if result.done or loop.time() >= deadline:
            return result.version
        await asyncio.sleep(_POLL_S)
