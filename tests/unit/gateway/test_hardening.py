from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from pydantic import ValidationError

from tensorfleet.gateway.hardening import hardened, policy_of
from tensorfleet.settings_protection import OutgoingSettings, WebSettings


def client(base: str = "http://fleet.example.org", **settings: Any) -> httpx.AsyncClient:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def anything(path: str) -> Response:
        own = {"ETag": '"x"'} if "tagged" in path else {"Cache-Control": "max-age=5"} if "own" in path else {}
        return Response("x", headers=own)

    guarded = hardened(app, WebSettings.model_validate(settings))
    return httpx.AsyncClient(transport=httpx.ASGITransport(guarded), base_url=base)


async def test_every_answer_tells_browsers_to_be_careful() -> None:
    async with client() as asked:
        for path in ("/", "/api/v1/jobs", "/health", "/api/docs"):
            headers = (await asked.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["x-frame-options"] == "DENY"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "camera=()" in headers["permissions-policy"]
            assert "strict-transport-security" not in headers


async def test_an_answer_of_the_api_is_no_page() -> None:
    async with client() as asked:
        assert (
            (await asked.get("/api/v1/jobs"))
            .headers["content-security-policy"]
            .startswith("default-src 'none'")
        )
        page = (await asked.get("/jobs")).headers["content-security-policy"]
        assert "script-src 'self';" in page
        assert "unsafe-eval" not in page


async def test_tls_is_kept_once_it_is_there() -> None:
    async with client("https://fleet.example.org") as asked:
        assert (await asked.get("/")).headers["strict-transport-security"] == "max-age=31536000"


async def test_answers_of_the_api_are_not_kept() -> None:
    async with client() as asked:
        kept = {path: (await asked.get(path)).headers.get("cache-control") for path in (
            "/api/v1/keys", "/api/v1/tagged", "/api/v1/own", "/page",
        )}  # fmt: skip
    assert kept == {
        "/api/v1/keys": "no-store",
        "/api/v1/tagged": "private, no-cache",
        "/api/v1/own": "max-age=5",
        "/page": None,
    }


def test_a_page_may_run_its_own_scripts_and_no_others() -> None:
    policy = policy_of(b"<script src='/a.js'></script><script>\nlet x = 1\n</script>")
    digest = base64.b64encode(hashlib.sha256(b"\nlet x = 1\n").digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]


HOSTS = ("fleet.example.org", "*.Inside.example.org")


@pytest.mark.parametrize(
    "host",
    ["fleet.example.org", "FLEET.example.org:8080", "fleet.example.org.", "a.b.inside.example.org", "localhost", "[::1]:80"],
)  # fmt: skip
async def test_the_gateways_own_names_are_answered(host: str) -> None:
    async with client(hosts=HOSTS) as asked:
        assert (await asked.get("/api/v1/jobs", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "fleet.example.org.evil.example",
        "inside.example.org",
        "xinside.example.org",
        "10.0.0.1",
    ],
)
async def test_another_name_is_refused_except_for_probes(host: str) -> None:
    async with client(hosts=HOSTS) as asked:
        refused = await asked.get("/api/v1/jobs", headers={"Host": host})
        assert refused.status_code == 421
        assert refused.json()["code"] == "host_unknown"
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert (await asked.get("/health/live", headers={"Host": host})).status_code == 200
    async with client() as asked:
        assert (await asked.get("/api/v1/jobs", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["a b", "a/b", "a@b", "", "a:b", "a:1:2", "<script>", "a?b", "a\\b"])
async def test_what_is_no_host_is_refused_whatever_the_settings_say(host: str) -> None:
    async with client() as asked:
        assert (await asked.get("/", headers={"Host": host})).status_code == 400


@pytest.mark.parametrize(
    ("given", "version", "status"),
    [([], "1.1", 400), ([], "1.0", 200), ([b"a", b"b"], "1.1", 400), ([b"a"], "1.0", 200)],
)
async def test_there_is_one_host(given: list[bytes], version: str, status: int) -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", host) for host in given]
    scope = {"type": "http", "scheme": "http", "path": "/", "http_version": version, "headers": headers}
    await hardened(app, WebSettings())(scope, None, send)
    assert sent[0]["status"] == status


async def test_without_hosts_the_first_of_a_program_without_one_is_refused_when_there_are_names() -> None:
    scope = {"type": "http", "scheme": "http", "path": "/", "http_version": "1.0", "headers": []}
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    await hardened(app, WebSettings(hosts=("a.example",)))(scope, None, send)
    assert sent[0]["status"] == 421


async def test_other_scopes_pass() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    await hardened(app, WebSettings(hosts=("a.example",)))({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]


APP = "https://app.example.org"


async def test_no_page_of_others_may_ask_by_default() -> None:
    async with client() as asked:
        answer = await asked.get("/api/v1/jobs", headers={"Origin": APP})
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_named_origins_may_ask_and_others_may_not() -> None:
    async with client(origins=[APP]) as asked:
        asks = {
            "Origin": APP,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        allowed = await asked.options("/api/v1/jobs", headers=asks)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == APP
        assert "access-control-allow-credentials" not in allowed.headers
        real = await asked.get("/api/v1/jobs", headers={"Origin": APP})
        assert real.headers["access-control-allow-origin"] == APP
        assert "Origin" in real.headers["vary"]
        for origin in (
            "https://evil.example",
            "https://app.example.org.evil.example",
            "http://app.example.org",
            "null",
        ):
            assert (
                await asked.options("/api/v1/jobs", headers={**asks, "Origin": origin})
            ).status_code == 400
            refused = await asked.get("/api/v1/jobs", headers={"Origin": origin})
            assert "access-control-allow-origin" not in refused.headers


async def test_credentials_only_where_the_settings_say_so() -> None:
    async with client(origins=[APP], credentials=True) as asked:
        real = await asked.get("/api/v1/jobs", headers={"Origin": APP})
        assert real.headers["access-control-allow-credentials"] == "true"
        assert real.headers["access-control-allow-origin"] == APP


@pytest.mark.parametrize(
    "origin", ["*", "app.example.org", "https://a.example/", "https://*.a.example", "null", "file://x"]
)
def test_an_origin_is_exact(origin: str) -> None:
    with pytest.raises(ValidationError, match="is no origin"):
        WebSettings(origins=(origin,))


@pytest.mark.parametrize("host", ["*", "https://a.example", "a.example:80", "a b", "*.*.example"])
def test_a_host_is_a_name(host: str) -> None:
    with pytest.raises(ValidationError, match="is no host"):
        WebSettings(hosts=(host,))


@pytest.mark.parametrize(
    "proxy", ["proxy:3128", "socks5://proxy", "http://user:password@proxy:3128", "http://proxy/path"]
)
def test_a_proxy_is_an_address(proxy: str) -> None:
    with pytest.raises(ValidationError):
        OutgoingSettings(proxy=proxy)
