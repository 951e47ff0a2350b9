"""What HTTPS is made of, without a socket: settings, the way from HTTP to HTTPS, when a certificate is ordered again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.gateway.acme import FIRST_S, MOST_S, Ordering, placeholder
from tensorfleet.gateway.tls import redirecting
from tensorfleet.settings import load_settings
from tensorfleet.settings_tls import AcmeSettings
from tensorfleet.trust.pair import Pair, facts_of

NAME = "fleet.example.org"
ACME = {"domains": [NAME], "terms_agreed": True}


# ---- settings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tls": {"certificate": "a.pem"}}, "needs both"),
        ({"tls": {"own": True, "certificate": "a.pem", "key": "b.pem"}}, "not both"),
        ({"tls": {"own": True}, "acme": ACME}, "has both 'acme' and 'tls'"),
        ({"tls": {"redirect_port": 70000}}, "redirect_port"),
        ({"acme": {"domains": [NAME]}}, "terms_agreed"),
        ({"acme": {**ACME, "domains": ["*.example.org"]}}, "is no name for which this can order"),
        ({"acme": {**ACME, "domains": ["10.0.0.1"]}}, "is no name for which this can order"),
        ({"acme": {**ACME, "domains": ["localhost"]}}, "is no name for which this can order"),
        ({"acme": {**ACME, "directory": "http://ca.example.org"}}, "acme.directory"),
    ],
)
def test_what_cannot_be_set_is_named(settings: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=says):
        load_settings(home=tmp_path, **settings)


def test_plain_http_is_answered_where_it_has_to_be(tmp_path: Path) -> None:
    assert load_settings(home=tmp_path).redirect_port is None
    assert load_settings(home=tmp_path, tls={"own": True}).redirect_port is None
    assert load_settings(home=tmp_path, acme=ACME).redirect_port == 80
    assert load_settings(home=tmp_path, acme=ACME, tls={"redirect_port": 8080}).redirect_port == 8080
    assert load_settings(home=tmp_path, tls={"redirect_port": 8080}).redirect_port is None, (
        "there is no HTTPS"
    )


def test_browsers_stay_with_https_unless_others_are_on_this_machine(tmp_path: Path) -> None:
    assert load_settings(home=tmp_path, acme=ACME).https_for_s == 365 * 86400
    assert load_settings(home=tmp_path, tls={"own": True}).https_for_s == 0
    assert load_settings(home=tmp_path, tls={"own": True, "hsts_s": 60}).https_for_s == 60


# ---- from HTTP to HTTPS --------------------------------------------------------------------------------------------------


async def answered(
    host: bytes | None, path: str = "/a", query: bytes = b"", port: int = 443
) -> dict[str, Any]:
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    headers = [] if host is None else [(b"host", host)]
    scope = {
        "type": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": headers,
    }
    app = redirecting(port, lambda asked: b"proof" if asked == "/.well-known/acme-challenge/t" else None)
    await app(scope, None, send)
    return {
        "status": said[0]["status"],
        **{name.decode(): value for name, value in said[0]["headers"]},
        "body": said[1]["body"],
    }


@pytest.mark.parametrize(
    ("host", "port", "target"),
    [
        (b"fleet.example.org", 443, b"https://fleet.example.org/a"),
        (b"fleet.example.org:80", 443, b"https://fleet.example.org/a"),
        (b"fleet.example.org:8080", 8443, b"https://fleet.example.org:8443/a"),
        (b"[2001:db8::1]:80", 443, b"https://[2001:db8::1]/a"),
        (b"[2001:db8::1]", 8443, b"https://[2001:db8::1]:8443/a"),
    ],
)
async def test_the_same_path_by_https(host: bytes, port: int, target: bytes) -> None:
    found = await answered(host, port=port)
    assert (found["status"], found["location"]) == (308, target)


async def test_nobody_knows_where_to_without_a_host() -> None:
    assert (await answered(None))["status"] == 400


async def test_the_query_goes_along() -> None:
    assert (await answered(b"a.example", query=b"b=%20"))["location"] == b"https://a.example/a?b=%20"


async def test_a_challenge_is_answered_over_http() -> None:
    found = await answered(b"a.example", "/.well-known/acme-challenge/t")
    assert (found["status"], found["body"]) == (200, b"proof")


# ---- ordering ------------------------------------------------------------------------------------------------------------


class Times:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Authority:
    """Gives certificates for ninety days, unless it is away."""

    def __init__(self, clock: Times) -> None:
        self.clock = clock
        self.orders = 0
        self.away = False

    def __call__(self, settings: AcmeSettings, folder: Path, key: str) -> tuple[str, str]:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import NameOID

        from tensorfleet.trust import certificates as x

        self.orders += 1
        if self.away:
            raise Unavailable("the authority is away")
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
        signer, now = x.new_key(), self.clock()
        shown = x509.SubjectAlternativeName([x509.DNSName(one) for one in settings.domains])
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(x.load_key(key).public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + timedelta(days=90))
            .add_extension(shown, critical=False).sign(signer, hashes.SHA256())
        )  # fmt: skip
        return key, x.certificate_pem(made)


@pytest.fixture
def clock() -> Times:
    return Times()


@pytest.fixture
def authority(clock: Times) -> Authority:
    return Authority(clock)


def ordering(folder: Path, authority: Authority, *domains: str) -> Ordering:
    settings = AcmeSettings(domains=domains or (NAME,), terms_agreed=True)
    pair = Pair(folder / "acme" / "certificate.pem", folder / "acme" / "key.pem")
    return Ordering(settings, pair, order=authority, clock=authority.clock, chance=lambda: 0.0)


def test_it_is_ordered_at_once_and_again_when_two_thirds_are_over(
    tmp_path: Path, clock: Times, authority: Authority
) -> None:
    one = ordering(tmp_path, authority)
    assert [one.look() for _ in range(3)] == [True, False, False]
    clock.pass_s(59.9 * 86400)
    assert not one.look()
    clock.pass_s(0.2 * 86400)
    assert [one.look(), one.look()] == [True, False]
    assert authority.orders == 2


def test_other_names_are_ordered_at_once(tmp_path: Path, authority: Authority) -> None:
    assert ordering(tmp_path, authority).look()
    assert ordering(tmp_path, authority, NAME, "b.example.org").look()
    assert not ordering(tmp_path, authority, NAME, "b.example.org").look()


def test_failures_make_it_wait_longer_and_longer_also_after_a_restart(
    tmp_path: Path, clock: Times, authority: Authority
) -> None:
    authority.away = True
    with pytest.raises(Unavailable, match="the authority is away; the next try is at 00:01:00 UTC"):
        ordering(tmp_path, authority).look()
    pause_s = FIRST_S
    for _ in range(12):
        clock.pass_s(pause_s - 1)
        assert not ordering(tmp_path, authority).look(), "it waits"
        clock.pass_s(1)
        with pytest.raises(Unavailable):
            ordering(tmp_path, authority).look()
        pause_s = min(MOST_S, pause_s * 2)
    assert authority.orders == 13
    authority.away = False
    clock.pass_s(MOST_S)
    assert ordering(tmp_path, authority).look()
    authority.away = True
    clock.pass_s(61 * 86400)
    with pytest.raises(Unavailable, match="the next try is at "):
        ordering(tmp_path, authority).look()


def test_of_several_gateways_one_orders(tmp_path: Path, authority: Authority) -> None:
    first, second = ordering(tmp_path, authority), ordering(tmp_path, authority)
    seen: list[bool] = []

    class Meanwhile(Authority):
        def __call__(self, settings: AcmeSettings, folder: Path, key: str) -> tuple[str, str]:
            seen.append(second.look())
            return authority(settings, folder, key)

    first._order = Meanwhile(authority.clock)
    assert first.look()
    assert seen == [False]
    assert not second.look(), "there is one now"
    assert authority.orders == 1


@pytest.mark.parametrize("path", ["/", "/.well-known/acme-challenge/", "/.well-known/acme-challenge/../account.key",
                                  "/.well-known/acme-challenge/a/b", "/.well-known/acme-challenge/" + "a" * 300])  # fmt: skip
def test_no_path_leads_out_of_the_challenges(path: str, tmp_path: Path, authority: Authority) -> None:
    one = ordering(tmp_path, authority)
    (tmp_path / "acme" / "account.key").write_text("secret")
    (tmp_path / "acme" / "challenges" / "token-1").write_text("proof")
    assert one.answer(path) is None
    assert one.answer("/.well-known/acme-challenge/token-1") == b"proof"
    assert one.answer("/.well-known/acme-challenge/token-2") is None


def test_what_is_shown_before_the_first_order_is_for_nobody_to_believe(tmp_path: Path, clock: Times) -> None:
    key, certificate = placeholder(NAME, clock)
    (tmp_path / "c.pem").write_text(certificate)
    facts = facts_of(tmp_path / "c.pem")
    assert facts.names == (NAME,)
    assert facts.expires_at - clock() == timedelta(days=1)
    assert "PRIVATE KEY" in key
