"""The webhooks of workspaces, over the gateway's services; the monitor delivers."""

from __future__ import annotations

from functools import partial

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import webhooks
from tensorfleet.composition import Services
from tensorfleet.kit.clock import utc_now
from tensorfleet.monitor.wake import wake_monitor
from tensorfleet.secrets.columns import SealedColumn
from tensorfleet.webhooks.sealed import context_of
from tensorfleet.webhooks.sending import check_url, sender
from tensorfleet.webhooks.service import WebhookService
from tensorfleet.webhooks.store import SqlWebhookStore


def webhooks_of(services: Services) -> WebhookService:
    settings = services.settings
    return WebhookService(
        SqlWebhookStore(services.database),
        services.vault.sealing,
        sender(settings.outgoing, settings.webhooks.timeout),
        partial(check_url, settings.outgoing),
        lambda: wake_monitor(settings.run_dir),
        utc_now,
    )


def sealed_columns(database: Database) -> tuple[SealedColumn, ...]:
    """For whoever replaces the platform's key."""
    contexts = {"url": "url", "secret": "secret", "old_secret": "secret"}
    return tuple(
        SealedColumn(database, webhooks.c[name], webhooks.c.id, partial(context_of, field))
        for name, field in contexts.items()
    )
