"""A provider that does not answer as it should, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.adapters.openid import OpenIdProvider
from tensorfleet.errors import NotAuthenticated, Unavailable
from tensorfleet.settings_access import ProviderSettings
from tensorfleet.testing.servers import free_ports
from tests.integration.forger import CLIENT, Forger, forger

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def forged() -> Iterator[Forger]:
    with forger(free_ports(1)[0]) as found:
        yield found


def provider_of(forged: Forger, **settings: Any) -> OpenIdProvider:
    return OpenIdProvider(
        ProviderSettings(name="company", issuer=forged.issuer, client_id=CLIENT, **settings)
    )


def trouble(provider: OpenIdProvider) -> str:
    with pytest.raises(Unavailable) as found:
        provider.keys()
    assert found.value.detail.startswith("the sign-in provider 'company' cannot be used now: ")
    return found.value.detail


def test_what_it_says_of_itself_is_asked_for_once(forged: Forger) -> None:
    now = 0.0
    provider = OpenIdProvider(
        ProviderSettings(name="company", issuer=forged.issuer, client_id=CLIENT), monotonic=lambda: now
    )
    for _ in range(3):
        (key,) = provider.keys()
        assert key["kid"] == "only"
    assert forged.asked == [DISCOVERY, "/keys"]
    now = 3601.0
    provider.keys()
    assert forged.asked == [DISCOVERY, "/keys"] * 2


def test_it_does_not_lead_us_anywhere(forged: Forger) -> None:
    forged.redirects = True
    assert "answers with status 302" in trouble(provider_of(forged))
    assert forged.asked == [DISCOVERY]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"issuer": "https://id.example.org"}, "it calls itself 'https://id.example.org'"),
        ({"issuer": None}, "it calls itself 'None'"),
        ({"jwks_uri": None}, "its jwks_uri is no safe URL"),
        ({"jwks_uri": "http://id.example.org/keys"}, "its jwks_uri is no safe URL"),
        ({"token_endpoint": "file:///etc/passwd"}, "its token_endpoint is no safe URL"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "its authorization_endpoint is no safe URL"),
        ({"jwks_uri": "https://169.254.169.254/keys"}, "metadata service"),
    ],
)
def test_what_it_says_of_itself_has_to_be_right(forged: Forger, change: dict[str, Any], why: str) -> None:
    forged.documents[DISCOVERY] |= change
    assert why in trouble(provider_of(forged))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"<html>", "no JSON object"),
        (b"[1]", "no JSON object"),
        (b"[" * 100_000, "no JSON object"),
        (b"\xff", "no JSON object"),
        (b" " * 2_000_000, "more than 1048576 bytes"),
        (None, "status 404"),
    ],
    ids=["page", "list", "deep", "no text", "large", "nothing"],
)
def test_an_answer_that_is_none(forged: Forger, answer: bytes | None, why: str) -> None:
    forged.documents["/keys"] = answer
    assert why in trouble(provider_of(forged))
    assert provider_of(forged).discovered().keys.endswith("/keys")


def test_keys_that_are_no_list_are_none(forged: Forger) -> None:
    forged.documents["/keys"] = {"keys": "many"}
    assert provider_of(forged).keys() == []


def test_one_that_is_away_is_left_alone(forged: Forger) -> None:
    provider = provider_of(forged)
    forged.shutdown()
    forged.server_close()
    for _ in range(2):
        assert "ConnectError" in trouble(provider)
    began = time.monotonic()
    for _ in range(50):
        assert "is left alone for a moment" in trouble(provider)
    assert time.monotonic() - began < 1


def test_a_secret_that_is_not_there_is_told(forged: Forger, tmp_path: Path) -> None:
    provider = provider_of(forged, client_secret_file=tmp_path / "nothing")
    with pytest.raises(Unavailable, match="client secret cannot be read"):
        provider.exchange("c", "v", "https://fleet.example.org/callback")


def test_what_it_says_against_a_code_is_told(forged: Forger) -> None:
    forged.refusal = {"error": "invalid_grant"}
    with pytest.raises(NotAuthenticated, match="used already, or has expired"):
        provider_of(forged).exchange("c", "v", "https://fleet.example.org/callback")
    forged.refusal = {"error": "invalid_client"}
    with pytest.raises(Unavailable, match="refuses this client with 'invalid_client'"):
        provider_of(forged).exchange("c", "v", "https://fleet.example.org/callback")
