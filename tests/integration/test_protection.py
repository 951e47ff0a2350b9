"""A real gateway: limits for users and keys, guessed passwords, host names, other origins, and what every answer carries."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

import tensorfleet
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.migrate import ensure_schema
from tensorfleet.errors import TooManyRequests
from tests.integration.gateways import gateway

APP = "https://app.example.org"
PASSWORD = "correct horse battery staple"
SETTINGS = {
    "TENSORFLEET_LIMITS__READ": '{"quota": 5, "per_s": 3}',
    "TENSORFLEET_LIMITS__FAILED_NAME": '{"quota": 3, "per_s": 600}',
    "TENSORFLEET_WEB__HOSTS": '["fleet.example.org"]',
    "TENSORFLEET_WEB__ORIGINS": f'["{APP}"]',
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    home = tmp_path_factory.mktemp("home")
    database = Database(f"sqlite:///{home / 'tensorfleet.db'}")
    ensure_schema(database)
    database.close()
    with gateway(home, SETTINGS) as opened:
        yield opened


@pytest.fixture(scope="module")
def ann(api: httpx.Client) -> Iterator[httpx.Client]:
    """A user who has signed in."""
    made = api.post("/api/v1/users", json={"name": "ann", "password": PASSWORD, "role": "user"})
    assert made.status_code == 201, made.text
    answer = api.post("/api/v1/auth/token", json={"username": "ann", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    with httpx.Client(
        base_url=api.base_url, headers={"Authorization": f"Bearer {token}"}, trust_env=False
    ) as opened:
        yield opened


def test_a_user_is_limited_and_the_client_waits_as_it_is_told(ann: httpx.Client, api: httpx.Client) -> None:
    answers = [ann.get("/api/v1/jobs") for _ in range(7)]
    assert [one.status_code for one in answers[:5]] == [200] * 5
    assert answers[0].headers["ratelimit-policy"] == '"read";q=5;w=3'
    assert re.fullmatch(r'"read";r=4;t=\d', answers[0].headers["ratelimit"])
    refused = next(one for one in answers if one.status_code == 429)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["code"] == "too_many_requests"

    naps: list[float] = []
    token = ann.headers["authorization"].removeprefix("Bearer ")
    with tensorfleet.Client(str(ann.base_url), token) as client:

        def nap(wait_s: float) -> None:
            naps.append(wait_s)
            time.sleep(wait_s)

        client.transport.sleep = nap
        for _ in range(8):
            client.jobs.list()
    assert naps
    assert min(naps) >= 1.0


def test_the_homes_token_is_not_limited(api: httpx.Client) -> None:
    for _ in range(20):
        answer = api.get("/api/v1/jobs")
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


def test_a_password_is_guessed_a_few_times(api: httpx.Client, ann: httpx.Client) -> None:
    made = api.post("/api/v1/users", json={"name": "bob", "password": PASSWORD, "role": "user"})
    assert made.status_code == 201, made.text
    with httpx.Client(base_url=api.base_url, trust_env=False) as guesser:
        said = [
            guesser.post("/api/v1/auth/token", json={"username": "bob", "password": f"guess {n}"})
            for n in range(5)
        ]
        assert [one.status_code for one in said] == [401, 401, 401, 429, 429]
        assert 100 < int(said[3].headers["retry-after"]) <= 200
        right = guesser.post("/api/v1/auth/token", json={"username": "BOB", "password": PASSWORD})
        assert right.status_code == 429
        other = guesser.post("/api/v1/auth/token", json={"username": "ann", "password": PASSWORD})
        assert other.status_code == 200
    with tensorfleet.Client(str(api.base_url), "x", http=None) as client:
        client.transport.patience_s = 0
        with pytest.raises(TooManyRequests, match="too many sign-ins have failed"):
            client.transport.call("POST", "/auth/token", json={"username": "bob", "password": "x"})


def test_every_answer_is_hardened_also_those_that_refuse(api: httpx.Client) -> None:
    for path, status in (
        ("/", 200),
        ("/api/v1/jobs", 200),
        ("/api/v1/nothing", 404),
        ("/api/docs", 200),
        ("/health/live", 200),
    ):
        answer = api.get(path)
        assert answer.status_code == status
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert api.get("/api/v1/users").headers["cache-control"] in ("no-store", "private, no-cache")
    nobody = httpx.get(f"{api.base_url}/api/v1/jobs", trust_env=False)
    assert nobody.status_code == 401
    assert nobody.headers["referrer-policy"] == "same-origin"


def test_the_pages_of_the_api_run_their_own_script_only(api: httpx.Client) -> None:
    page = api.get("/api/docs")
    assert "'sha256-" in page.headers["content-security-policy"]
    assert page.text.count("<script>") == 1
    assert 'src="http' not in page.text


def test_another_host_is_refused(api: httpx.Client) -> None:
    assert api.get("/api/v1/jobs", headers={"Host": "evil.example"}).status_code == 421
    assert api.get("/api/v1/jobs", headers={"Host": "fleet.example.org"}).status_code == 200
    assert api.get("/health/live", headers={"Host": "10.0.0.7:8080"}).status_code == 200


def test_a_page_of_a_named_origin_may_ask_before_it_signs_in(api: httpx.Client) -> None:
    asks = {
        "Origin": APP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    with httpx.Client(base_url=api.base_url, trust_env=False) as nobody:
        assert nobody.options("/api/v1/jobs", headers=asks).headers["access-control-allow-origin"] == APP
        refused = nobody.options("/api/v1/jobs", headers={**asks, "Origin": "https://evil.example"})
        assert refused.status_code == 400


@pytest.mark.parametrize("path", [
    "/api/v1/download/datasets/x%0d%0aSet-Cookie:%20a=b", "/api/v1/jobs/x%0d%0aSet-Cookie:%20a=b",
    "/x%0d%0aSet-Cookie:%20a=b/", "/api/docs/files/x%0aSet-Cookie:%20a=b",
])  # fmt: skip
def test_nothing_that_is_sent_becomes_a_header(path: str, api: httpx.Client) -> None:
    answer = api.get(path)
    assert answer.status_code in (307, 404), answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "request_text",
    [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(request_text: str, api: httpx.Client) -> None:
    with socket.create_connection((api.base_url.host, api.base_url.port or 80), timeout=10) as link:
        link.sendall(request_text.encode("latin-1"))
        assert link.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_json_that_is_too_deep_is_refused_everywhere(api: httpx.Client) -> None:
    deep = b'{"a":' * 500 + b"1" + b"}" * 500
    for path in ("/api/v1/jobs", "/api/v1/datasets", "/api/v1/auth/token"):
        answer = api.post(path, content=deep, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert "nested too deeply" in answer.json()["detail"]


def test_data_may_hold_what_json_may_not(api: httpx.Client) -> None:
    upload = api.post("/api/v1/uploads").json()["upload_id"]
    sent = api.put(f"/api/v1/uploads/{upload}/chunks/0", content=b"[" * 2_000_000)
    assert sent.status_code == 200, sent.text
