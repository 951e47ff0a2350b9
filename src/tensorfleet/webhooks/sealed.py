"""What of a subscription is kept sealed: its address, which may hold a secret, and the secrets that sign."""

from __future__ import annotations

from datetime import datetime

from tensorfleet.kit.webhook_signing import secret_key, signed_headers
from tensorfleet.webhooks.model import Webhook
from tensorfleet.webhooks.ports import Sealer


def context_of(field: str, webhook_id: str) -> str:
    return f"webhook/{webhook_id}/{field}"


def seal(keys: Sealer, webhook_id: str, field: str, text: str) -> str:
    return keys.seal(text.encode(), context_of(field, webhook_id))


def unseal(keys: Sealer, webhook_id: str, field: str, sealed: str) -> str:
    return keys.open(sealed, context_of(field, webhook_id)).decode()


def url_of(keys: Sealer, hook: Webhook) -> str:
    return unseal(keys, hook.id, "url", hook.url)


def headers_of(keys: Sealer, hook: Webhook, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """What goes with a message: signed with the secret, and with the one before for as long as both hold."""
    texts = [unseal(keys, hook.id, "secret", hook.secret)]
    if hook.old_secret is not None and hook.old_until is not None and now < hook.old_until:
        texts.append(unseal(keys, hook.id, "secret", hook.old_secret))
    signed = signed_headers([secret_key(text) for text in texts], message_id, int(now.timestamp()), body)
    return {"Content-Type": "application/json", "User-Agent": "TensorFleet", **signed}
