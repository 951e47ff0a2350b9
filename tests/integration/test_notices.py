"""Notices over real connections: a web server, and a mail server with and without TLS and a password."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiosmtpd.controller import Controller

from tensorfleet.cli.main import app
from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.monitor.channels import send
from tensorfleet.monitor.messages import Notice
from tensorfleet.settings_monitoring import ChannelSettings
from tensorfleet.settings_protection import OutgoingSettings
from tensorfleet.testing.inbox import Inbox, inbox
from tensorfleet.testing.servers import free_ports

NOTICES = [Notice(4, "job.failed", datetime(2026, 3, 4, tzinfo=UTC), "Job ünï failed: it broke", "j-1")]
HERE = OutgoingSettings.model_validate({"allow": ["127.0.0.0/8"]})


def channel(**fields: Any) -> ChannelSettings:
    return ChannelSettings.model_validate({"name": "team", **fields})


@pytest.fixture
def web() -> Iterator[Inbox]:
    with inbox() as found:
        yield found


def test_a_webhook_gets_signed_json(web: Inbox) -> None:
    send(channel(type="webhook", url=f"{web.url}/hook", secret="s3cret"), NOTICES, HERE)
    (posted,) = web.posted

    assert posted.path == "/hook"
    assert posted.json["events"][0]["text"] == "Job ünï failed: it broke"
    assert posted.json["events"][0]["job_id"] == "j-1"
    expected = hmac.new(b"s3cret", posted.body, hashlib.sha256).hexdigest()
    assert posted.headers["x-tensorfleet-signature"] == f"sha256={expected}"
    assert posted.headers["idempotency-key"] == "team-4-4"


def test_slack_gets_its_own_form(web: Inbox) -> None:
    send(channel(type="slack", url=f"{web.url}/services/T/B/x"), NOTICES, HERE)

    assert web.posted[0].json == {"text": "Job ünï failed: it broke"}


@pytest.mark.parametrize(
    ("status", "error"),
    [(500, Unavailable), (429, Unavailable), (404, InvalidInput), (302, InvalidInput)],
)
def test_what_a_web_server_says_decides_whether_it_is_tried_again(
    status: int, error: type[Exception], web: Inbox
) -> None:
    web.answers = [status]

    with pytest.raises(error) as why:
        send(channel(type="webhook", url=f"{web.url}/very-secret"), NOTICES, HERE)
    assert "very-secret" not in str(why.value)
    assert len(web.posted) == 1


def test_nobody_there_is_tried_again_and_the_secret_is_not_told() -> None:
    (port,) = free_ports(1)

    with pytest.raises(Unavailable) as why:
        send(channel(type="webhook", url=f"http://127.0.0.1:{port}/very-secret"), NOTICES, HERE)
    assert "very-secret" not in str(why.value)


@pytest.mark.parametrize("type_", ["webhook", "slack"])
def test_a_place_inside_is_not_asked_unless_the_operator_allows_it(type_: str, web: Inbox) -> None:
    inside = channel(type=type_, url=f"{web.url}/very-secret")

    with pytest.raises(
        InvalidInput, match=r"'team' may not be asked: .* 127\.0\.0\.1, .* outgoing\.allow"
    ) as why:
        send(inside, NOTICES, OutgoingSettings())
    assert "very-secret" not in str(why.value)
    assert web.posted == []
    send(inside, NOTICES, HERE)
    assert len(web.posted) == 1


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return self.answer


@pytest.fixture
def mail() -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    (port,) = free_ports(1)
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, f"127.0.0.1:{port}"
    controller.stop()


def mail_channel(server: str, **fields: Any) -> ChannelSettings:
    about = {"type": "email", "sender": "fleet@example.org", "to": ["a@example.org", "b@example.org"]}
    return channel(server=server, security="none", **about, **fields)


def test_a_mail_reaches_everybody(mail: tuple[Mailbox, str]) -> None:
    box, server = mail
    send(mail_channel(server), NOTICES, HERE)
    ((recipients, found),) = box.mails

    assert recipients == ["a@example.org", "b@example.org"]
    assert found["Subject"] == "TensorFleet: Job ünï failed: it broke"
    assert found.get_content().strip() == "2026-03-04T00:00:00.000000Z  Job ünï failed: it broke"


@pytest.mark.parametrize(("answer", "error"), [("451 later", Unavailable), ("554 never", InvalidInput)])
def test_what_a_mail_server_says_decides_too(
    answer: str, error: type[Exception], mail: tuple[Mailbox, str]
) -> None:
    box, server = mail
    box.answer = answer

    with pytest.raises(error):
        send(mail_channel(server), NOTICES, HERE)


def test_a_server_without_tls_gets_no_password(mail: tuple[Mailbox, str]) -> None:
    box, server = mail
    wary = mail_channel(server).model_copy(update={"security": "starttls", "user": "me"})

    with pytest.raises(Unavailable):
        send(wary, NOTICES, HERE)
    assert box.mails == []


def test_the_command_says_who_was_reached(
    web: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    (port,) = free_ports(1)
    channels = [
        {"name": "chat", "type": "slack", "url": f"{web.url}/chat"},
        {"name": "dead", "type": "webhook", "url": f"http://127.0.0.1:{port}/"},
    ]
    (tmp_path / "tensorfleet.yaml").write_text(
        yaml.safe_dump({"notify": channels, "outgoing": {"allow": ["127.0.0.0/8"]}})
    )
    monkeypatch.setenv("TENSORFLEET_HOME", str(tmp_path))
    run = CliRunner().invoke

    one, both, none = (run(app, ["notify", "test", *more]) for more in (["chat"], [], ["chta"]))
    assert (one.exit_code, one.output) == (0, "chat: sent by slack\n")
    assert both.exit_code == 1
    assert "'dead' does not answer" in both.output
    assert none.exit_code == 1
    assert "chat" in none.output
    assert "only a test" in web.posted[0].json["text"]
