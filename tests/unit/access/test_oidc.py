"""The two steps of a sign-in at a provider, with a provider of words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tensorfleet.access.oidc import OidcSignIn, challenge_of
from tensorfleet.access.sign_in import Guard
from tensorfleet.access.store import SqlAccessStore
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.migrate import ensure_schema
from tensorfleet.adapters.openid import Discovered
from tensorfleet.errors import NotAuthenticated, NotFound, TooManyRequests
from tensorfleet.settings_access import ProviderSettings

ISSUER, URL = "https://id.example.org", "https://fleet.example.org"
OLD, NEW = (rsa.generate_private_key(65537, 2048) for _ in range(2))


def listed(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid}


@dataclass
class Company:
    """As `OpenIdProvider`; its answers are fields."""

    settings: ProviderSettings
    names_itself: bool = False
    known: list[Any] = field(default_factory=lambda: [listed(OLD, "old")])
    current: tuple[rsa.RSAPrivateKey, str] = (OLD, "old")
    claims: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    exchanged: list[tuple[str, str, str]] = field(default_factory=list)
    fetched: int = 0

    def discovered(self) -> Discovered:
        return Discovered(
            f"{ISSUER}/authorize?x=1", f"{ISSUER}/token", f"{ISSUER}/keys", None, False, self.names_itself
        )

    def keys(self, *, fresh: bool = False) -> list[Any]:
        if fresh:
            self.fetched += 1
            self.known = [listed(NEW, "new")]
        return self.known

    def exchange(self, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        self.exchanged.append((code, verifier, redirect_uri))
        key, kid = self.current
        return {"id_token": jwt.encode(self.claims, key, "RS256", headers={"kid": kid}), "access_token": "a"}

    def userinfo(self, access_token: str) -> dict[str, Any]:
        return self.more


class Counting(Guard):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def check(self, name: str, address: str) -> None:
        if len(self.seen) >= 3:
            raise TooManyRequests("wait")

    def failed(self, name: str, address: str) -> None:
        self.seen.append(address)


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def company() -> Company:
    roles: Any = {"seers": {"vision": "user"}}
    return Company(ProviderSettings(name="company", issuer=ISSUER, client_id="tensorfleet", roles=roles))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard() -> Counting:
    return Counting()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlAccessStore]:
    database = Database(f"sqlite:///{tmp_path / 'access.db'}")
    ensure_schema(database)
    yield SqlAccessStore(database)
    database.close()


@pytest.fixture
def oidc(company: Company, store: SqlAccessStore, clock: Clock, guard: Counting) -> OidcSignIn:
    other = Company(
        ProviderSettings(name="other", issuer="https://other.example.org", client_id="tensorfleet")
    )
    return OidcSignIn([company, other], URL, store, "t" * 43, clock, guard)  # type: ignore[list-item]


def begin(oidc: OidcSignIn, company: Company, name: str = "company") -> tuple[dict[str, str], str]:
    """What our address asks of the provider, and what the browser keeps; the provider is ready to vouch for Anna."""
    address, kept = oidc.begin(name, "/jobs")
    asked = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
    now = int(time.time())
    company.claims = {
        "iss": ISSUER, "aud": "tensorfleet", "sub": "42", "nonce": asked["nonce"], "iat": now, "exp": now + 60,
        "preferred_username": "anna", "groups": ["seers"], "email": "anna@example.org",
    }  # fmt: skip
    return asked, kept


def test_a_sign_in_from_its_begin_to_its_end(
    oidc: OidcSignIn, company: Company, store: SqlAccessStore, clock: Clock
) -> None:
    asked, kept = begin(oidc, company)
    callback = f"{URL}/api/v1/auth/oidc/company/callback"
    assert {key: asked[key] for key in ("response_type", "client_id", "redirect_uri", "scope", "x")} == {
        "response_type": "code", "client_id": "tensorfleet", "redirect_uri": callback,
        "scope": "openid profile email", "x": "1",
    }  # fmt: skip
    for secret in (asked["state"], asked["nonce"]):
        assert secret not in kept
    found = oidc.finish("company", {"code": "c", "state": asked["state"]}, kept, "::1")
    ((code, verifier, redirect_uri),) = company.exchanged
    assert (code, redirect_uri) == ("c", callback)
    assert challenge_of(verifier) == asked["code_challenge"]
    assert (found.user.name, found.next, found.ends_at) == ("anna", "/jobs", clock.now + timedelta(days=7))
    assert set(store.memberships(found.user.id)) == {"vision"}


def test_two_sign_ins_have_nothing_in_common(oidc: OidcSignIn, company: Company) -> None:
    one, _ = begin(oidc, company)
    other, _ = begin(oidc, company)
    assert all(one[name] != other[name] for name in ("state", "nonce", "code_challenge"))


@pytest.mark.parametrize(
    "case",
    ["another state", "no state", "no cookie", "another's cookie", "changed", "late", "other provider"],
)
def test_what_was_not_begun_here_does_not_end_here(
    oidc: OidcSignIn, company: Company, clock: Clock, guard: Counting, case: str
) -> None:
    asked, kept = begin(oidc, company)
    _, foreign = oidc.begin("company", "/")
    query, cookie, name = {"code": "c", "state": asked["state"]}, kept, "company"
    if case == "another state":
        query["state"] = "x"
    elif case == "no state":
        del query["state"]
    elif case == "other provider":
        name = "other"
    elif case == "late":
        clock.now += timedelta(minutes=10, seconds=1)
    else:
        cookie = {
            "no cookie": "",
            "another's cookie": foreign,
            "changed": kept[:-1] + ("0" if kept[-1] != "0" else "1"),
        }[case]
    with pytest.raises(NotAuthenticated, match="not begun in this browser"):
        oidc.finish(name, query, cookie, "::1")
    assert company.exchanged == [], "the provider is not even asked"
    assert guard.seen == ["::1"]


@pytest.mark.parametrize("kept", [None, "zz", "00", "ff" * 40, "é", "x" * 9000])
def test_nonsense_in_the_cookie_is_nothing(oidc: OidcSignIn, kept: str | None) -> None:
    with pytest.raises(NotAuthenticated, match="not begun"):
        oidc.finish("company", {"state": "s"}, kept, "::1")


def test_one_provider_does_not_pass_on_the_answer_of_another(oidc: OidcSignIn, company: Company) -> None:
    asked, kept = begin(oidc, company)
    query = {"code": "c", "state": asked["state"]}
    with pytest.raises(NotAuthenticated, match="this answer is from"):
        oidc.finish("company", query | {"iss": "https://other.example.org"}, kept, "::1")
    company.names_itself = True
    with pytest.raises(NotAuthenticated, match="this answer is from 'None'"):
        oidc.finish("company", query, kept, "::1")
    assert company.exchanged == []
    assert oidc.finish("company", query | {"iss": ISSUER}, kept, "::1").user.name == "anna"


def test_what_the_provider_says_against_it_is_told(oidc: OidcSignIn, company: Company) -> None:
    asked, kept = begin(oidc, company)
    query = {"state": asked["state"], "error": "access_denied", "error_description": "not today"}
    with pytest.raises(NotAuthenticated, match="'company' did not sign you in: not today"):
        oidc.finish("company", query, kept, "::1")


def test_a_new_key_is_asked_for_once(oidc: OidcSignIn, company: Company) -> None:
    company.current = (NEW, "new")
    asked, kept = begin(oidc, company)
    assert oidc.finish("company", {"code": "c", "state": asked["state"]}, kept, "::1").user.name == "anna"
    assert company.fetched == 1
    company.current = (OLD, "made-up")
    asked, kept = begin(oidc, company)
    with pytest.raises(NotAuthenticated, match="does not list"):
        oidc.finish("company", {"code": "c", "state": asked["state"]}, kept, "::1")
    assert company.fetched == 2


def test_more_is_asked_for_and_only_believed_of_the_same_person(
    oidc: OidcSignIn, company: Company, store: SqlAccessStore
) -> None:
    for sub, expected in (("43", set()), ("42", {"vision"})):
        asked, kept = begin(oidc, company)
        del company.claims["groups"]
        company.more = {"sub": sub, "groups": ["seers"], "iss": "x"}
        user = oidc.finish("company", {"code": "c", "state": asked["state"]}, kept, "::1").user
        assert set(store.memberships(user.id)) == expected


def test_who_fails_too_often_has_to_wait(oidc: OidcSignIn, company: Company) -> None:
    for _ in range(3):
        with pytest.raises(NotAuthenticated):
            oidc.finish("company", {}, None, "::1")
    asked, kept = begin(oidc, company)
    with pytest.raises(TooManyRequests):
        oidc.finish("company", {"code": "c", "state": asked["state"]}, kept, "::1")


def test_a_provider_that_there_is_not(oidc: OidcSignIn) -> None:
    with pytest.raises(NotFound, match="did you mean 'company'"):
        oidc.begin("compny", "/")
