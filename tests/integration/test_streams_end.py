"""Live streams over HTTP whose readers lose their rights while they read."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import tensorfleet
from tensorfleet.errors import NotAuthenticated
from tensorfleet.sdk.jobs import Job
from tests.integration.platform import Platform, wait_until

PASSWORD = "correct horse"
TALKS = "import time\nfor i in range(3000):\n    print('line', i, flush=True)\n    time.sleep(0.1)\n"
SOON_S = 15.0
CUT_S = 5.0
"""By then a stream with other rights has ended, as events come all the time."""


@pytest.fixture(scope="module")
def job(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """It says something ten times a second."""
    access = platform.client.access
    access.add_workspace("streams")
    for name in ("s-key", "s-member"):
        access.add_user(name, service=True)
        access.set_member("streams", name, "viewer")
    access.add_user("s-person", PASSWORD)
    access.set_member("streams", "s-person", "viewer")
    folder = tmp_path_factory.mktemp("code")
    (folder / "main.py").write_text(TALKS)
    talking = platform.client.submit(
        name="talks", entrypoint="main.py", code=str(folder), workspace="streams"
    )
    wait_until(lambda: talking.refresh().status == "running", "the job runs")
    yield talking
    talking.cancel()
    wait_until(lambda: talking.refresh().ended, "the job ends")


class Reader(threading.Thread):
    """Reads a stream to its end."""

    def __init__(self, platform: Platform, path: str, token: str) -> None:
        super().__init__(daemon=True)
        self.url = f"{platform.client.url}/api/v1{path}"
        self.token = token
        self.events: list[str] = []
        self.last: dict[str, Any] = {}
        self.start()

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx.stream("GET", self.url, headers=headers, timeout=30, trust_env=False) as answer:
            assert answer.status_code == 200
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    self.events.append(line.removeprefix("event: "))
                elif line.startswith("data: "):
                    self.last = json.loads(line.removeprefix("data: "))

    def flows(self) -> None:
        seen = len(self.events)
        wait_until(lambda: len(self.events) > seen + 3, "the stream flows")

    def ended(self) -> dict[str, Any]:
        """The data of its last event, which tells why."""
        self.join(SOON_S)
        assert not self.is_alive(), "the stream goes on"
        assert self.events[-1] == "denied"
        return self.last


def test_streams_end_with_the_key_the_session_or_the_role(platform: Platform, job: Job) -> None:
    access = platform.client.access
    key = access.add_key("stream", user="s-key")
    with tensorfleet.Client(platform.client.url, "none") as nobody:
        session = nobody.transport.call(
            "POST", "/auth/token", json={"username": "s-person", "password": PASSWORD}
        )["access_token"]
    members = access.add_key("stream", user="s-member")["key"]
    kept = access.add_key("stays", user="s-key")
    staying = Reader(platform, f"/jobs/{job.id}/stream", kept["key"])
    of_key = Reader(platform, f"/jobs/{job.id}/stream", key["key"])
    of_session = Reader(platform, "/events", session)
    of_member = Reader(platform, "/events", members)
    for reader in (of_key, of_session, of_member, staying):
        reader.flows()
    access.revoke_key(key["key_id"])
    access.change_user("s-person", disabled=True)
    access.remove_member("streams", "s-member")
    assert of_key.ended() == {"code": "not_authenticated", "detail": "this key was revoked"}
    assert of_session.ended()["code"] == "not_authenticated"
    assert of_member.ended() == {
        "code": "not_permitted",
        "detail": "what you may see has changed; connect again",
    }
    staying.flows()
    access.revoke_key(kept["key_id"])
    staying.ended()


def test_the_sdk_connects_again_and_says_why_it_may_not(platform: Platform, job: Job) -> None:
    access = platform.client.access
    key = access.add_key("sdk", user="s-key")
    seen: list[int] = []
    times: list[float] = []

    def read(theirs: tensorfleet.Client) -> None:
        for event in theirs.jobs.get(job.id).stream():
            seen.append(event.id)
            times.append(time.monotonic())
            if len(seen) == 5:
                access.set_member("streams", "s-key", "user")  # other rights, and still enough
            if len(seen) > 5 and times[-1] - times[4] > CUT_S:
                access.revoke_key(key["key_id"])

    with tensorfleet.Client(platform.client.url, key["key"]) as theirs, pytest.raises(NotAuthenticated):
        read(theirs)
    assert times[-1] - times[4] > CUT_S, "it was cut, and went on"
    assert seen == sorted(set(seen)), "nothing comes twice"
