"""The port on which the command line waits for its code."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tensorfleet.access.codes import check_redirect
from tensorfleet.access.oidc import challenge_of
from tensorfleet.errors import NotAuthenticated
from tensorfleet.sdk.browser_sign_in import Waiting

GATEWAY = "https://fleet.example.org"


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    with Waiting(GATEWAY) as found:
        yield found


def test_the_address_says_what_the_gateway_needs_and_no_more(waiting: Waiting) -> None:
    parts = urlsplit(waiting.address)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{GATEWAY}/sign-in/program"
    assert asked == {
        "redirect_uri": waiting.redirect_uri,
        "challenge": challenge_of(waiting.verifier),
        "state": waiting.state,
    }
    assert waiting.verifier not in waiting.address
    check_redirect(waiting.redirect_uri)


def test_only_the_request_that_is_waited_for_brings_a_code(waiting: Waiting) -> None:
    right = {"code": "c", "state": waiting.state}
    with ThreadPoolExecutor(1) as pool, socket.create_connection(waiting.server_address[:2]) as broken:
        found = pool.submit(waiting.wait, 30)
        broken.sendall(b"nonsense\r\n\r\n")
        for query in ({}, {"code": "x"}, {"code": "x", "state": "y"}, {"state": waiting.state}):
            assert httpx.get(waiting.redirect_uri, params=query).status_code == 404
        assert (
            httpx.get(waiting.redirect_uri.replace("/signed-in", "/favicon.ico"), params=right).status_code
            == 404
        )
        assert httpx.post(waiting.redirect_uri, params=right).status_code == 501
        answer = httpx.get(waiting.redirect_uri, params=right)
        assert "You are signed in" in answer.text
        assert found.result(10) == "c"


def test_nobody_is_waited_for_without_end(waiting: Waiting) -> None:
    with pytest.raises(NotAuthenticated, match="nobody signed in with the browser within 0 s"):
        waiting.wait(0.1)
