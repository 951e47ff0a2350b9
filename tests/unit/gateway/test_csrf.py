from __future__ import annotations

from typing import Any

import pytest

from tensorfleet.errors import NotPermitted
from tensorfleet.gateway import csrf

TOKEN = csrf.token_of(b"secret", "s-1")
BOTH = {"cookie": f"session=x; {csrf.COOKIE}={TOKEN}", "x-csrf-token": TOKEN}
HOST = "fleet.example.org"


def scope(method: str = "POST", scheme: str = "https", **headers: str) -> dict[str, Any]:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"method": method, "scheme": scheme, "headers": [(b"host", HOST.encode()), *given]}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_passes(method: str) -> None:
    csrf.check(scope(method, sec_fetch_site="cross-site", origin="https://evil.example"))


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
        {"origin": f"https://{HOST}"},
        {"origin": f"https://{HOST.upper()}:443", "sec_fetch_site": "same-origin"},
    ],
)
def test_a_page_of_ours_with_its_token_passes(said: dict[str, str]) -> None:
    csrf.check(scope(**said, **BOTH), expected=TOKEN)
    csrf.check(scope(**said, **BOTH))


def test_tls_that_ends_at_a_proxy_does_not_make_a_page_foreign() -> None:
    csrf.check(scope(scheme="http", origin=f"https://{HOST}", **BOTH))


@pytest.mark.parametrize(
    "said",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "same-origin, none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": f"https://{HOST}.evil.example"},
        {"origin": f"https://{HOST}:8443"},
        {"origin": f"https://evil.example@{HOST}x"},
        {"origin": "https://[::1"},
        {"origin": f"https://{HOST}:99999"},
    ],
)
def test_a_page_of_others_is_refused_even_with_the_token(said: dict[str, str]) -> None:
    with pytest.raises(NotPermitted, match="another site"):
        csrf.check(scope(**said, **BOTH), expected=TOKEN)


def test_a_page_that_the_settings_name_passes_with_its_token() -> None:
    named = scope(origin="https://App.example.org", sec_fetch_site="cross-site", **BOTH)
    csrf.check(named, origins=("https://app.example.org",))
    with pytest.raises(NotPermitted):
        csrf.check(named, origins=("https://app.example.com",))


def test_two_origins_are_none() -> None:
    twice = scope(origin=f"https://{HOST}", **BOTH)
    twice["headers"].append((b"origin", f"https://{HOST}".encode()))
    with pytest.raises(NotPermitted):
        csrf.check(twice)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"x-csrf-token": TOKEN},
        {"cookie": f"{csrf.COOKIE}={TOKEN}"},
        {"cookie": f"{csrf.COOKIE}={TOKEN}", "x-csrf-token": TOKEN[:-1]},
        {"cookie": f"{csrf.COOKIE}=", "x-csrf-token": ""},
        {"cookie": f"{csrf.COOKIE}={TOKEN}", "x-csrf-token": "ünï"},
        {"cookie": "a=b; \x00=;;;", "x-csrf-token": TOKEN},
    ],
)
def test_without_the_same_token_in_both_it_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(NotPermitted, match=csrf.HEADER):
        csrf.check(scope(sec_fetch_site="same-origin", **given))


def test_a_token_that_somebody_planted_is_not_the_sessions() -> None:
    other = csrf.token_of(b"secret", "s-2")
    planted = {"cookie": f"{csrf.COOKIE}={other}", "x-csrf-token": other}
    csrf.check(scope(**planted))
    with pytest.raises(NotPermitted):
        csrf.check(scope(**planted), expected=TOKEN)


def test_tokens_differ_by_session_and_secret() -> None:
    assert len({csrf.token_of(secret, name) for secret in (b"a", b"b") for name in ("s-1", "s-2")}) == 4
