"""What administrators of a workspace do with its webhooks."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tensorfleet.access.current import require, visible_of
from tensorfleet.access.model import Permission
from tensorfleet.audit.current import note
from tensorfleet.errors import Conflict, InvalidInput, NotFound
from tensorfleet.kit.clock import Clock, parse_rfc3339, rfc3339
from tensorfleet.kit.ids import new_id
from tensorfleet.kit.paging import decode_cursor, encode_cursor
from tensorfleet.kit.webhook_signing import SECRET_BYTES, secret_text
from tensorfleet.webhooks.model import TEST, Answer, Delivery, State, Webhook, written
from tensorfleet.webhooks.ports import Sealer, Sender, WebhookStore
from tensorfleet.webhooks.sealed import headers_of, seal, url_of

MOST = 50
"""In a workspace."""


class WebhookService:
    def __init__(
        self,
        store: WebhookStore,
        keys: Callable[[], Sealer],
        send: Sender,
        check_url: Callable[[str], None],
        wake: Callable[[], None],
        clock: Clock,
    ) -> None:
        """`keys` is asked each time, so that a new key is seen; `wake` starts whoever delivers."""
        self._store = store
        self._keys = keys
        self._send = send
        self._check_url = check_url
        self._wake = wake
        self._clock = clock

    def create(self, workspace: str, given: Mapping[str, Any]) -> tuple[Webhook, str, str]:
        """The webhook, its address, and its secret, which nobody can see again.

        Raises:
            InvalidInput: the address can never be asked.
            Conflict: the workspace has too many.
        """
        require(Permission.WORKSPACE_ADMIN, workspace)
        url, secret = given["url"], new_secret()
        self._check_url(url)
        if len(self._store.all((workspace,))) >= MOST:
            raise Conflict(f"workspace '{workspace}' has {MOST} webhooks; delete some first")
        keys, webhook_id = self._keys(), new_id("wh")
        hook = Webhook(
            webhook_id,
            workspace,
            seal(keys, webhook_id, "url", url),
            tuple(dict.fromkeys(given["events"])),
            self._clock(),
            after=0,
            secret=seal(keys, webhook_id, "secret", secret),
            labels=given.get("labels") or {},
            description=given.get("description"),
        )
        made = self._store.add(hook)
        note(target=("webhook", made.id), workspace=workspace, after=_shown(made))
        self._wake()
        return made, url, secret

    def all(self, workspace: str | None) -> list[tuple[Webhook, str]]:
        within = visible_of(Permission.WORKSPACE_ADMIN, workspace)
        return [(hook, self._url(hook)) for hook in self._store.all(within)]

    def get(self, webhook_id: str) -> tuple[Webhook, str]:
        hook = self._find(webhook_id)
        return hook, self._url(hook)

    def change(self, webhook_id: str, changes: Mapping[str, Any]) -> tuple[Webhook, str]:
        hook = self._find(webhook_id)
        values = {name: changes[name] for name in ("labels", "description", "events") if name in changes}
        if changes.get("url") is not None:
            self._check_url(changes["url"])
            values["url"] = seal(self._keys(), hook.id, "url", changes["url"])
        self._store.change(hook.id, {name: value for name, value in values.items() if value is not None})
        if changes.get("enabled") is False:
            self._store.disable(hook, self._clock(), "turned off by a person", _sentence(hook, "by a person"))
        elif changes.get("enabled"):
            self._store.enable(hook.id)
        found = self._find(webhook_id)
        note(before=_shown(hook), after=_shown(found) | {"url": "changed" if "url" in values else None})
        self._wake()
        return found, self._url(found)

    def delete(self, webhook_id: str) -> None:
        hook = self._find(webhook_id)
        note(before=_shown(hook))
        self._store.delete(hook.id)

    def rotate(self, webhook_id: str, overlap_s: float) -> tuple[Webhook, str, str]:
        """A new secret; the one before signs as well for `overlap_s`."""
        hook, now, secret = self._find(webhook_id), self._clock(), new_secret()
        until = now + timedelta(seconds=overlap_s)
        values: dict[str, Any] = {"secret": seal(self._keys(), hook.id, "secret", secret)}
        values |= {"old_secret": hook.secret, "old_until": until} if overlap_s > 0 else _NO_OLD
        self._store.change(hook.id, values)
        note(after={"old_until": rfc3339(values["old_until"])})
        return replace(hook, **values), self._url(hook), secret

    def test(self, webhook_id: str) -> Answer:
        """Sends a message at once, and says what came of it; it is neither kept nor repeated."""
        hook, keys, now = self._find(webhook_id), self._keys(), self._clock()
        body = written(TEST, now, {"webhook_id": hook.id, "workspace": hook.workspace}).encode()
        return self._send(url_of(keys, hook), headers_of(keys, hook, new_id("test"), body, now), body)

    def deliveries(
        self, webhook_id: str, state: State | None, limit: int, cursor: str | None
    ) -> tuple[list[Delivery], str | None]:
        """The newest first, and the cursor of the next page."""
        hook = self._find(webhook_id)
        found = self._store.deliveries(hook.id, state, limit + 1, _place(cursor))
        last = found[limit - 1] if len(found) > limit else None
        return found[:limit], encode_cursor([rfc3339(last.created_at), last.id]) if last else None

    def resend(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Has a message sent again that was delivered or given up.

        Raises:
            Conflict: it waits to be sent anyway, or the webhook is turned off.
        """
        hook = self._find(webhook_id)
        delivery = self._store.find_delivery(hook.id, delivery_id)
        if delivery is None:
            raise NotFound(f"webhook '{hook.id}' has no delivery '{delivery_id[:80]}'")
        if hook.disabled_at is not None:
            raise Conflict(f"webhook '{hook.id}' is turned off; turn it on first")
        if delivery.state is State.WAITING:
            raise Conflict(
                f"'{delivery.id}' waits to be sent anyway, next at {rfc3339(delivery.next_try_at)}"
            )
        self._store.again(delivery, self._clock())
        self._wake()
        return self._store.find_delivery(hook.id, delivery_id) or delivery

    def _find(self, webhook_id: str) -> Webhook:
        hook = self._store.find(webhook_id)
        within = visible_of(Permission.WORKSPACE_ADMIN, None)
        if hook is None or (within is not None and hook.workspace not in within):
            raise NotFound(f"there is no webhook '{webhook_id[:80]}'; see `tensorfleet webhooks list`")
        note(target=("webhook", hook.id), workspace=hook.workspace)
        return hook

    def _url(self, hook: Webhook) -> str:
        return url_of(self._keys(), hook)


_NO_OLD: dict[str, Any] = {"old_secret": None, "old_until": None}


def new_secret() -> str:
    return secret_text(secrets.token_bytes(SECRET_BYTES))


def _shown(hook: Webhook) -> dict[str, Any]:
    """What the audit log says of one; its address may hold a secret."""
    labels, enabled = dict(hook.labels), hook.disabled_at is None
    return {"events": list(hook.events), "labels": labels, "enabled": enabled}


def _sentence(hook: Webhook, why: str) -> str:
    return f"webhook {hook.id} of workspace '{hook.workspace}' was turned off {why}"


def _place(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    at, identity = decode_cursor(cursor, 2)
    try:
        return parse_rfc3339(at), str(identity)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"cursor '{cursor[:40]}' does not belong to this list; take next_cursor from its last page"
        ) from error
