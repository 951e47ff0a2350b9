"""Webhooks of a running platform: a receiver that is slow, refuses, leads away or dies, and a deliverer that is killed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tensorfleet import verify_webhook
from tensorfleet.errors import InvalidInput, NotAuthenticated, NotFound
from tensorfleet.testing.inbox import Inbox, Posted, inbox
from tensorfleet.testing.servers import free_ports
from tests.integration.platform import Platform, running_platform, wait_until

JOB = {"algorithm": "decision_tree", "dataset": "iris"}
SETTINGS = """
outgoing: {allow: [127.0.0.0/8]}
webhooks: {retry_first: 300ms, timeout: 2s, give_up: 1h}
"""


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("hooked")
    (home / "tensorfleet.yaml").write_text(SETTINGS)
    with running_platform(home, workers=2) as found:
        yield found


@pytest.fixture
def web() -> Iterator[Inbox]:
    with inbox() as found:
        yield found


def fits(secret: str, posted: Posted) -> bool:
    """The specification's check, written here once more."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode() + posted.body
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return wanted in posted.headers["webhook-signature"].split()


def run_job(platform: Platform, name: str, **fields: Any) -> Any:
    job = platform.client.submit(name=name, **JOB, **fields)
    job.wait(60)
    return job


def delivered(platform: Platform, hook: dict[str, Any], count: int) -> list[dict[str, Any]]:
    def look() -> list[dict[str, Any]]:
        found = platform.client.webhooks.deliveries(hook["webhook_id"], state="delivered")
        return found if len(found) >= count else []

    return list(wait_until(look, f"{count} deliveries to {hook['url']}"))  # type: ignore[call-overload]


def test_a_job_and_its_model_are_told_signed_to_those_who_want_them(hooked: Platform, web: Inbox) -> None:
    hooks = hooked.client.webhooks
    told = ["job.submitted", "job.completed", "model.registered", "model.alias_moved"]
    hook = hooks.add(f"{web.url}/all", told)
    hooks.add(f"{web.url}/labelled", ["job.completed"], labels={"team": "b"})
    job = run_job(hooked, "hooked", model_name="hooked", labels={"team": "a"})
    web.wait(lambda one: one.json["type"] == "model.registered")
    hooked.client.models.promote("hooked", 1, "production")
    web.wait(lambda one: one.json["type"] == "model.alias_moved")
    delivered(hooked, hook, 4)

    assert Counter(one.path for one in web.posted) == {"/all": 4}
    assert {one.json["type"] for one in web.posted} == set(told)
    for posted in web.posted:
        assert fits(hook["secret"], posted)
        assert verify_webhook(hook["secret"], posted.headers, posted.body)["type"] == posted.json["type"]
        with pytest.raises(NotAuthenticated):
            verify_webhook(hook["secret"], posted.headers, posted.body.replace(b"hooked", b"hacked"))
    (completed,) = [one.json["data"] for one in web.posted if one.json["type"] == "job.completed"]
    assert (completed["job_id"], completed["labels"]) == (job.id, {"team": "a"})
    assert completed["metrics"]["accuracy"] > 0.8
    assert len({one.headers["webhook-id"] for one in web.posted}) == 4


def test_the_receiver_of_the_page_takes_what_is_signed(
    hooked: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(code, "webhooks.md", "exec"), names)
    receiver = names["Receiver"]
    receiver.log_message = lambda *_: None
    server = names["ThreadingHTTPServer"](("127.0.0.1", 0), receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        hook = hooked.client.webhooks.add(f"http://127.0.0.1:{server.server_port}/", ["job.failed"])
        receiver.secret = hooked.client.webhooks.rotate(hook["webhook_id"], overlap_s=0)["secret"]
        hook["secret"] = hooked.client.webhooks.rotate(hook["webhook_id"], overlap_s=0)["secret"]
        assert hooked.client.webhooks.test(hook["webhook_id"])["status"] == 401, "with the secret of before"
        receiver.secret = hook["secret"]
        assert hooked.client.webhooks.test(hook["webhook_id"])["status"] == 204
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert "webhook.test" in capsys.readouterr().out
    hooked.client.webhooks.delete(hook["webhook_id"])


def test_the_secret_is_changed_while_both_go_on(hooked: Platform, web: Inbox) -> None:
    hooks = hooked.client.webhooks
    hook = hooks.add(f"{web.url}/", ["job.completed"])
    new = hooks.rotate(hook["webhook_id"], overlap_s=60)["secret"]
    assert hooks.test(hook["webhook_id"]) == {"delivered": True, "status": 200, "error": None}
    latest = hooks.rotate(hook["webhook_id"], overlap_s=0)["secret"]
    assert hooks.test(hook["webhook_id"])["delivered"]

    first, second = web.posted
    assert fits(hook["secret"], first)
    assert fits(new, first)
    assert fits(latest, second)
    assert not fits(new, second)
    assert "secret" not in hooks.get(hook["webhook_id"])
    log = (hooked.home / "logs" / "gateway.log").read_text()
    stored = b"".join(path.read_bytes() for path in hooked.home.glob("tensorfleet.db*"))
    for secret in (hook["secret"], new, latest):
        assert secret not in log
        assert secret.encode() not in stored


def test_a_receiver_that_is_down_refuses_or_is_slow_gets_everything_in_the_end(hooked: Platform) -> None:
    (port,) = free_ports(1)
    hooks = hooked.client.webhooks
    with inbox() as quick:
        down = hooks.add(f"http://127.0.0.1:{port}/", ["job.completed"])
        there = hooks.add(f"{quick.url}/", ["job.completed"])
        quick.answers = [500, 503, 301]
        run_job(hooked, "bumpy")
        delivered(hooked, there, 1)
        assert [fits(there["secret"], one) for one in quick.posted] == [True] * 4, (
            "500, 503 and 301 are tried again"
        )
        waiting = hooks.deliveries(down["webhook_id"])
        assert [one["state"] for one in waiting] == ["waiting"]
        assert "does not answer" in waiting[0]["error"]
        assert hooks.get(down["webhook_id"])["failing_since"]
        assert not hooks.test(down["webhook_id"])["delivered"]
        with inbox() as back:
            hooks.change(down["webhook_id"], url=f"{back.url}/back")
            delivered(hooked, down, 1)
            (posted,) = back.posted
        assert fits(down["secret"], posted)
        again = hooks.resend(down["webhook_id"], waiting[0]["delivery_id"])
        assert again["state"] == "waiting"
        hooks.change(down["webhook_id"], enabled=False)
        assert hooks.deliveries(down["webhook_id"])[0]["state"] == "dead"
    for hook in (down, there):
        hooks.delete(hook["webhook_id"])


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://169.254.169.254/latest/meta-data", "metadata"),
        ("http://[::ffff:169.254.169.254]/", "metadata"),
        ("http://[fd00:ec2::254]/", "metadata"),
        ("http://10.0.0.7/", "not an address of the internet"),
        ("http://0x0a000007/", "not an address of the internet"),
        ("file:///etc/passwd", "http or https"),
        ("http://user:pass@example.org/", "password"),
    ],
)
def test_places_inside_cannot_be_given(hooked: Platform, url: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        hooked.client.webhooks.add(url, ["job.failed"])


def test_a_name_that_leads_inside_and_a_redirect_there_are_not_followed(hooked: Platform, web: Inbox) -> None:
    """`localtest` names: what they lead to is only known when they are asked."""
    hooks = hooked.client.webhooks
    inside = hooks.add("http://ip6-loopback:1/", ["job.failed"])
    refused = hooks.test(inside["webhook_id"])
    assert not refused["delivered"]
    leading = hooks.add(f"{web.url}/", ["job.failed"])
    web.answers = [307]
    assert hooks.test(leading["webhook_id"])["error"].startswith("it leads elsewhere with 307")
    assert len(web.posted) == 1
    for hook in (inside, leading):
        hooks.delete(hook["webhook_id"])


def test_kill_9_of_the_deliverer_loses_nothing(hooked: Platform, web: Inbox) -> None:
    hooks = hooked.client.webhooks
    hook = hooks.add(f"{web.url}/killed", ["job.submitted", "job.completed"])
    web.answers = [500] * 6
    jobs = [hooked.client.submit(name=f"killed-{number}", **JOB) for number in range(5)]
    web.wait(lambda one: one.path == "/killed")
    hooked.kill("monitor")
    for job in jobs:
        job.wait(60)
    hooked.kill("monitor")
    delivered(hooked, hook, 10)

    taken: dict[str, set[bytes]] = {}
    for posted in web.posted:
        assert fits(hook["secret"], posted)
        taken.setdefault(posted.headers["webhook-id"], set()).add(posted.body)
    assert all(len(bodies) == 1 for bodies in taken.values()), "each try of a message says the same"
    found = {(json.loads(body)["type"], json.loads(body)["data"]["job_id"]) for [body] in taken.values()}
    assert found == {(kind, job.id) for kind in ("job.submitted", "job.completed") for job in jobs}
    hooks.delete(hook["webhook_id"])


def test_the_command_line(hooked: Platform, web: Inbox, tmp_path: Path) -> None:
    made = hooked.cli(
        "webhooks", "add", f"{web.url}/cli", "--on", "job.failed", "--label", "team=a", "--json"
    )
    hook = json.loads(made.stdout)
    assert hook["secret"].startswith("whsec_")
    assert "Taken, with 200" in hooked.cli("webhooks", "test", hook["webhook_id"]).stdout
    assert hook["webhook_id"] in hooked.cli("webhooks", "list").stdout
    assert "team=a" in hooked.cli("webhooks", "show", hook["webhook_id"]).stdout
    assert "whsec_" in hooked.cli("webhooks", "rotate", hook["webhook_id"], "--overlap", "1h").stdout
    hooked.cli("webhooks", "deliveries", hook["webhook_id"])
    web.answers = [403]
    failed = hooked.cli("webhooks", "test", hook["webhook_id"], check=False)
    assert (failed.returncode, "403" in failed.stderr) == (1, True)
    wrong = hooked.cli("webhooks", "add", f"{web.url}/", "--on", "job.exploded", check=False)
    assert wrong.returncode == 1
    assert "job.exploded" in wrong.stderr or "events" in wrong.stderr
    hooked.cli("webhooks", "delete", hook["webhook_id"])
    with pytest.raises(NotFound):
        hooked.client.webhooks.get(hook["webhook_id"])
    actions = {one["action"] for one in hooked.client.audit.list(action="webhooks")}
    assert {"webhooks.add", "webhooks.rotate", "webhooks.test", "webhooks.delete"} <= actions
