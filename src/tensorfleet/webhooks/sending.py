"""One try over the network, through the guard for addresses that somebody else gave."""

from __future__ import annotations

from collections.abc import Mapping

from tensorfleet.errors import InvalidInput
from tensorfleet.kit.outgoing import NoAnswer, Outgoing, Refused, check_named
from tensorfleet.settings_protection import OutgoingSettings
from tensorfleet.webhooks.model import Answer
from tensorfleet.webhooks.ports import Sender


def sender(settings: OutgoingSettings, within_s: float) -> Sender:
    """Redirects are not followed, and nothing of an answer's body is read."""
    outgoing = Outgoing(settings.allow, settings.proxy, within_s=within_s)

    def send(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            found = outgoing.send("POST", url, headers, body, read=False)
        except NoAnswer as error:
            return Answer(error=f"it does not answer: {error}")
        except Refused as error:
            return Answer(error=f"it may not be asked: {error}")
        problem = None if 200 <= found.status < 300 else _problem(found.status)
        return Answer(found.status, problem, _seconds(found.headers.get("retry-after", "")))

    return send


def check_url(settings: OutgoingSettings, url: str) -> None:
    """Returns if messages may go there, as far as that can be told now.

    Raises:
        InvalidInput
    """
    try:
        check_named(url, settings.allow)
    except Refused as error:
        raise InvalidInput(f"this url cannot be a webhook: {error}") from None


def _problem(status: int) -> str:
    if 300 <= status < 400:
        return f"it leads elsewhere with {status}, where nobody follows; give the address that takes messages"
    return f"it answers with {status}"


def _seconds(text: str) -> float | None:
    """`Retry-After`, where it is a number."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None
