"""Webhooks over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse

from tensorfleet.access.model import DEFAULT_WORKSPACE
from tensorfleet.kit.answers import Page, answers
from tensorfleet.webhooks.model import State
from tensorfleet.webhooks.schemas import (
    DeliveryRead,
    NewWebhook,
    Rotation,
    TriedRead,
    WebhookChange,
    WebhookRead,
    WebhookWithSecret,
    answer_to_dict,
    delivery_to_dict,
    webhook_to_dict,
)
from tensorfleet.webhooks.service import WebhookService

Workspace = Annotated[str, Query(max_length=100)]
WebhookId = Annotated[str, Path(max_length=100)]
_SECRET = {"Cache-Control": "no-store"}


def build_router(hooks: WebhookService) -> APIRouter:
    router = APIRouter(tags=["webhooks"])
    _add_reading(router, hooks)
    _add_changing(router, hooks)
    return router


def _add_reading(router: APIRouter, hooks: WebhookService) -> None:
    @router.get("/webhooks", responses=answers(Page[WebhookRead]))
    async def list_webhooks(
        workspace: Annotated[
            str | None, Query(max_length=100, description="all of yours if left out")
        ] = None,
    ) -> JSONResponse:
        """The webhooks of the workspaces that the caller administers, without their secrets."""
        found = await asyncio.to_thread(hooks.all, workspace)
        return JSONResponse({"items": [webhook_to_dict(*one) for one in found], "next_cursor": None})

    @router.get("/webhooks/{webhook_id}", responses=answers(WebhookRead))
    async def get_webhook(webhook_id: WebhookId) -> JSONResponse:
        """A webhook: what it is told, and whether it takes it."""
        return JSONResponse(webhook_to_dict(*await asyncio.to_thread(hooks.get, webhook_id)))

    @router.get("/webhooks/{webhook_id}/deliveries", responses=answers(Page[DeliveryRead]))
    async def list_deliveries(
        webhook_id: WebhookId,
        state: State | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> JSONResponse:
        """What was sent to a webhook, and what waits, the newest first."""
        found, following = await asyncio.to_thread(hooks.deliveries, webhook_id, state, limit, cursor)
        return JSONResponse({"items": [delivery_to_dict(one) for one in found], "next_cursor": following})


def _add_changing(router: APIRouter, hooks: WebhookService) -> None:
    @router.post("/webhooks", status_code=201, responses=answers(WebhookWithSecret, 201, 409))
    async def create_webhook(body: NewWebhook, workspace: Workspace = DEFAULT_WORKSPACE) -> JSONResponse:
        """Has an address told what happens in a workspace; the secret is in this answer and nowhere else."""
        hook, url, secret = await asyncio.to_thread(hooks.create, workspace, body.model_dump())
        return JSONResponse({**webhook_to_dict(hook, url), "secret": secret}, 201, headers=_SECRET)

    @router.patch("/webhooks/{webhook_id}", responses=answers(WebhookRead))
    async def change_webhook(webhook_id: WebhookId, body: WebhookChange) -> JSONResponse:
        """Changes what a webhook is told, or turns it off or on; what is left out stays."""
        changes = body.model_dump(exclude_unset=True)
        return JSONResponse(webhook_to_dict(*await asyncio.to_thread(hooks.change, webhook_id, changes)))

    @router.delete("/webhooks/{webhook_id}", status_code=204)
    async def delete_webhook(webhook_id: WebhookId) -> None:
        """Deletes a webhook, with what waits for it."""
        await asyncio.to_thread(hooks.delete, webhook_id)

    @router.post("/webhooks/{webhook_id}/rotate", responses=answers(WebhookWithSecret))
    async def rotate_webhook_secret(webhook_id: WebhookId, body: Rotation) -> JSONResponse:
        """Gives a webhook a new secret; for a while messages are signed with both."""
        hook, url, secret = await asyncio.to_thread(hooks.rotate, webhook_id, body.overlap_s)
        return JSONResponse({**webhook_to_dict(hook, url), "secret": secret}, headers=_SECRET)

    @router.post("/webhooks/{webhook_id}/test", responses=answers(TriedRead))
    async def test_webhook(webhook_id: WebhookId) -> JSONResponse:
        """Sends a message at once and says what came of it."""
        return JSONResponse(answer_to_dict(await asyncio.to_thread(hooks.test, webhook_id)))

    @router.post(
        "/webhooks/{webhook_id}/deliveries/{delivery_id}/resend",
        status_code=202,
        responses=answers(DeliveryRead, 202, 409),
    )
    async def resend_delivery(
        webhook_id: WebhookId, delivery_id: Annotated[str, Path(max_length=100)]
    ) -> JSONResponse:
        """Has a message sent again that was delivered or given up."""
        found = await asyncio.to_thread(hooks.resend, webhook_id, delivery_id)
        return JSONResponse(delivery_to_dict(found), 202)
