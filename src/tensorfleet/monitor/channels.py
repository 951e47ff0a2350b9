"""How notices go out: one function for each type of channel.  An error's text never has a URL, a password or a secret in it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from typing import TYPE_CHECKING

from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.monitor import messages
from tensorfleet.monitor.messages import Notice
from tensorfleet.settings_monitoring import ChannelSettings
from tensorfleet.settings_protection import OutgoingSettings

if TYPE_CHECKING:
    from tensorfleet.kit.outgoing import Outgoing

LIMIT_S = 10.0
_AGAIN = (408, 425, 429)


def send(channel: ChannelSettings, notices: Sequence[Notice], outgoing: OutgoingSettings) -> None:
    """Returns when the other side has taken them; `outgoing` says what a webhook may be.

    Raises:
        Unavailable: it may take them later.
        InvalidInput: it will never take them like this.
    """
    from tensorfleet.kit.outgoing import Outgoing

    _SENDERS[channel.type](channel, notices, Outgoing(outgoing.allow, outgoing.proxy, within_s=LIMIT_S))


def _webhook(channel: ChannelSettings, notices: Sequence[Notice], outgoing: Outgoing) -> None:
    body = json.dumps(messages.webhook_body(notices)).encode()
    headers = {"Idempotency-Key": f"{channel.name}-{notices[0].id}-{notices[-1].id}"}
    secret = channel.secret.get_secret_value()
    if secret:
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers["X-TensorFleet-Signature"] = f"sha256={signature}"
    _post(channel, body, headers, outgoing)


def _slack(channel: ChannelSettings, notices: Sequence[Notice], outgoing: Outgoing) -> None:
    _post(channel, json.dumps(messages.slack_body(notices)).encode(), {}, outgoing)


def _post(channel: ChannelSettings, body: bytes, headers: dict[str, str], outgoing: Outgoing) -> None:
    from tensorfleet.kit.outgoing import NoAnswer, Refused

    headers = {"Content-Type": "application/json", "User-Agent": "TensorFleet", **headers}
    url = channel.url.get_secret_value()
    try:
        # Not followed elsewhere: the operator has named this address and no other; and nothing of the answer is read.
        status = outgoing.send("POST", url, headers, body, read=False).status
    except NoAnswer as error:
        raise Unavailable(f"'{channel.name}' does not answer: {error}") from None
    except Refused as error:
        raise InvalidInput(f"'{channel.name}' may not be asked: {error}") from None
    if status >= 500 or status in _AGAIN:
        raise Unavailable(f"'{channel.name}' answers with {status}")
    if not 200 <= status < 300:
        raise InvalidInput(f"'{channel.name}' refuses what it is sent with {status}; look at its url")


def _email(channel: ChannelSettings, notices: Sequence[Notice], _outgoing: Outgoing) -> None:
    import smtplib
    import ssl

    mail = EmailMessage()
    mail["Subject"] = f"TensorFleet: {messages.subject(notices)}"
    mail["From"] = channel.sender
    mail["To"] = ", ".join(channel.to)
    mail.set_content(messages.mail_text(notices))
    host, _, port = channel.server.rpartition(":")
    host, trusted = host.strip("[]"), ssl.create_default_context()
    try:
        with (
            smtplib.SMTP_SSL(host, int(port), timeout=LIMIT_S, context=trusted)
            if channel.security == "tls"
            else smtplib.SMTP(host, int(port), timeout=LIMIT_S)
        ) as server:
            if channel.security == "starttls":
                server.starttls(context=trusted)
            if channel.user:
                server.login(channel.user, channel.password.get_secret_value())
            server.send_message(mail)
    except smtplib.SMTPResponseException as error:
        if 400 <= error.smtp_code < 500:
            raise Unavailable(f"'{channel.name}' takes no mail now: {error.smtp_code}") from None
        raise InvalidInput(f"'{channel.name}' refuses the mail with {error.smtp_code}") from None
    except smtplib.SMTPRecipientsRefused:
        raise InvalidInput(f"'{channel.name}' refuses all of its addresses") from None
    except (OSError, smtplib.SMTPException) as error:
        raise Unavailable(f"'{channel.name}' cannot be reached: {type(error).__name__}") from None


_SENDERS: dict[str, Callable[[ChannelSettings, Sequence[Notice], Outgoing], None]] = {
    "webhook": _webhook,
    "slack": _slack,
    "email": _email,
}
