"""The page's files, as browsers get them."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tensorfleet.gateway.hardening import with_headers
from tensorfleet.gateway.web_page import PLACES, add_web_page

PAGE = "<!doctype html><title>TensorFleet</title>"
SCRIPT = "console.log('here');" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "web"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text(PAGE)
    (built / "sw.js").write_text("// worker")
    (built / "assets/index-1.js").write_text(SCRIPT)
    (built / "assets/index-1.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (tmp_path / "secret.txt").write_text("not for anybody")
    return built


def browser(folder: Path) -> httpx.AsyncClient:
    app = FastAPI()
    add_web_page(app, folder)
    return httpx.AsyncClient(transport=httpx.ASGITransport(with_headers(app)), base_url="http://here")


@pytest.mark.parametrize(
    "address", ["/", *(f"/{place}" for place in PLACES), "/jobs/j-1/logs", "/datasets/a%2Fb"]
)
async def test_every_place_is_the_page(folder: Path, address: str) -> None:
    async with browser(folder) as http:
        answer = await http.get(address)
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-cache"


async def test_scripts_come_from_here_and_never_from_the_text(folder: Path) -> None:
    async with browser(folder) as http:
        policy = (await http.get("/")).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["script-src"] == "'self'"
    assert rules["connect-src"] == "'self'"
    assert rules["object-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"


async def test_what_is_compressed_already_is_sent_so_to_those_who_take_it(folder: Path) -> None:
    async with browser(folder) as http:
        packed = await http.get("/assets/index-1.js", headers={"accept-encoding": "gzip, deflate, br"})
        plain = await http.get("/assets/index-1.js", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(SCRIPT)
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text == SCRIPT
    for answer in (packed, plain):
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["vary"] == "Accept-Encoding"
        assert "immutable" in answer.headers["cache-control"]


async def test_what_is_known_is_not_sent_again(folder: Path) -> None:
    async with browser(folder) as http:
        first = await http.get("/")
        again = await http.get("/", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "/etc/passwd", "index-2.js", "%00"]
)
async def test_nothing_else_can_be_had(folder: Path, path: str) -> None:
    async with browser(folder) as http:
        answer = await http.get(httpx.URL("http://here").copy_with(raw_path=f"/assets/{path}".encode()))
    assert answer.status_code in (404, 405)
    assert "not for anybody" not in answer.text


async def test_a_page_that_is_not_built_says_how(tmp_path: Path) -> None:
    async with browser(tmp_path / "nothing") as http:
        answer = await http.get("/")
    assert answer.status_code == 200
    assert "make setup-web" in answer.text
