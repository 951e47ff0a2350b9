"""`/models`: a face on the MLflow registry."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tensorfleet.access.current import require, visible_of
from tensorfleet.access.model import DEFAULT_WORKSPACE, Permission
from tensorfleet.errors import Conflict, InvalidInput
from tensorfleet.kit.answers import Page, answers
from tensorfleet.kit.clock import rfc3339
from tensorfleet.kit.conditional import NOT_MODIFIED, tagged
from tensorfleet.registry import answers as read
from tensorfleet.registry.candidates import formats_of
from tensorfleet.registry.conditions import alias_tag, expected_version
from tensorfleet.registry.model import ModelVersion, RegisteredModel, bare_name, registered_name
from tensorfleet.registry.service import RegistryService

_POLL_S = 0.05

Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=500)]
InWorkspace = Annotated[str, Query(max_length=100)]


IfMatch = Annotated[
    str | None, Header(max_length=500, description="the ETag of the alias as it was read, or * for any")
]
IfNoneMatch = Annotated[
    str | None, Header(json_schema_extra={"const": "*"}, description="only if there is no such alias yet")
]


class Markdown(Response):
    media_type = "text/markdown; charset=utf-8"


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
        "name": model.bare_name,
        "workspace": model.workspace,
        "latest_version": model.latest_version,
        "aliases": model.aliases,
        "created_at": rfc3339(model.created_at),
        "updated_at": rfc3339(model.updated_at),
    }


def version_to_dict(version: ModelVersion) -> dict[str, Any]:
    return {
        "name": version.bare_name,
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


def may_register(workspace: str | None) -> None:
    """Raises what `access.current.require` raises if the caller may not make a model of what is there (None: nobody's)."""
    require(Permission.MODELS_WRITE, workspace)


def build_router(service: RegistryService, *, registration_wait_s: float = 15.0) -> APIRouter:
    """Routes of the slice; `POST /models` answers 201 if MLflow took it within the wait, else 202."""
    router = APIRouter(tags=["models"])
    _add_models(router, service)
    _add_registration(router, service, registration_wait_s)
    _add_versions(router, service)
    _add_aliases(router, service)
    return router


def _add_models(router: APIRouter, service: RegistryService) -> None:
    @router.get("/models", responses=answers(Page[read.ModelRead]))
    async def list_models(
        limit: Limit = 100, cursor: Cursor = None, workspace: InWorkspace | None = None
    ) -> dict[str, Any]:
        """Models by name."""
        within = visible_of(Permission.MODELS_READ, workspace)
        models, following = service.models(limit, cursor, within)
        return {"items": [model_to_dict(model) for model in models], "next_cursor": following}

    @router.get("/models/{name}", responses=answers(read.ModelRead) | NOT_MODIFIED)
    async def get_model(request: Request, name: str, workspace: InWorkspace = DEFAULT_WORKSPACE) -> Response:
        """A model, with its latest version and its aliases."""
        return tagged(request, model_to_dict(service.model(registered_name(workspace, name))))


def _add_registration(router: APIRouter, service: RegistryService, wait_s: float) -> None:
    @router.post(
        "/models",
        status_code=201,
        responses=answers(read.ModelVersionRead, 201, 404, 409) | {202: {"model": read.PendingVersion}},
    )
    async def register_model(
        body: RegisterBody, response: Response, workspace: InWorkspace = DEFAULT_WORKSPACE
    ) -> dict[str, Any]:
        """Registers the model of a job, or a model folder of the object store."""
        if (body.job_id is None) == (body.source_prefix is None):
            raise InvalidInput("give either job_id or source_prefix: what is to be registered")
        if body.job_id is not None:
            intent_id, candidate = service.request_job_model(body.name, body.job_id, may_register)
        else:
            intent_id, candidate = await asyncio.to_thread(
                service.request_folder, body.name, body.source_prefix or "", workspace, may_register
            )
        number = await _await_version(service, intent_id, wait_s)
        if number is None:
            response.status_code = 202
            return {
                "name": bare_name(candidate.workspace, candidate.name),
                "version": None,
                "model_id": None,
                "path": candidate.source,
                "status": "pending",
            }
        return version_to_dict(service.version(candidate.name, str(number)))


def _add_versions(router: APIRouter, service: RegistryService) -> None:
    @router.get("/models/{name}/versions", responses=answers(Page[read.ModelVersionRead]))
    async def list_model_versions(
        name: str, limit: Limit = 100, cursor: Cursor = None, workspace: InWorkspace = DEFAULT_WORKSPACE
    ) -> dict[str, Any]:
        """The versions of a model, newest first."""
        versions, following = service.versions(registered_name(workspace, name), limit, cursor)
        return {"items": [version_to_dict(version) for version in versions], "next_cursor": following}

    @router.get("/models/{name}/versions/{version}", responses=answers(read.ModelVersionRead) | NOT_MODIFIED)
    async def get_model_version(
        request: Request, name: str, version: str, workspace: InWorkspace = DEFAULT_WORKSPACE
    ) -> Response:
        """A version by its number, by an alias, or the `latest`."""
        return tagged(request, version_to_dict(service.version(registered_name(workspace, name), version)))

    @router.get("/models/{name}/versions/{version}/card", response_class=Markdown)
    async def get_card(name: str, version: str, workspace: InWorkspace = DEFAULT_WORKSPACE) -> Response:
        """The card of a version."""
        card = await asyncio.to_thread(service.card, registered_name(workspace, name), version)
        headers = {"X-Content-Type-Options": "nosniff"}
        return Markdown(card, headers=headers)


def _add_aliases(router: APIRouter, service: RegistryService) -> None:
    @router.get("/models/{name}/aliases/{alias}", responses=answers(read.AliasRead) | NOT_MODIFIED)
    async def get_alias(
        request: Request, name: str, alias: str, workspace: InWorkspace = DEFAULT_WORKSPACE
    ) -> Response:
        """Where an alias points; its ETag is for If-Match."""
        version = service.alias(registered_name(workspace, name), alias)
        return tagged(request, {"name": name, "alias": alias, "version": version}, alias_tag(version))

    @router.put("/models/{name}/aliases/{alias}", responses=answers(read.ModelVersionRead, 200, 412))
    async def put_alias(
        name: str,
        alias: str,
        body: AliasBody,
        workspace: InWorkspace = DEFAULT_WORKSPACE,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> dict[str, Any]:
        """Points an alias at a version; with If-Match only if it still points where the caller has read."""
        expected = expected_version(if_match, if_none_match)
        moved = service.set_alias(registered_name(workspace, name), alias, body.version, expected)
        return version_to_dict(moved)

    @router.delete("/models/{name}/aliases/{alias}", status_code=204, responses={412: {}})
    async def delete_alias(
        name: str, alias: str, workspace: InWorkspace = DEFAULT_WORKSPACE, if_match: IfMatch = None
    ) -> None:
        """Removes an alias; the version stays."""
        service.delete_alias(registered_name(workspace, name), alias, expected_version(if_match, None))


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
