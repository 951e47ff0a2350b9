"""Who lets themselves in by a secret, how often, and who does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tensorfleet.errors import InvalidInput, NotPermitted, Unavailable
from tensorfleet.settings import load_settings
from tensorfleet.settings_trust import BootstrapSettings
from tensorfleet.trust import bootstrap, home
from tensorfleet.trust.authority import Authority
from tensorfleet.trust.bootstrap import BURST, EVERY_S, TO_ENTER, TO_KNOW, Allowance, prove, proves, spend
from tensorfleet.trust.certificates import load_certificate, make_request, new_key, peer_of, split_pem
from tensorfleet.trust.identity import Credentials

BEGIN = datetime(2030, 1, 1, 12, tzinfo=UTC)
AGENTS, OLD, GATEWAYS = "a" * 40, "o" * 40, "g" * 40


class Now:
    def __init__(self) -> None:
        self.at = BEGIN

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def authority(tmp_path: Path, now: Now) -> Authority:
    admitting = {"agent": (AGENTS, OLD), "gateway": (GATEWAYS,)}
    return Authority(tmp_path / "authority", "h:1", timedelta(hours=1), now, admitting)


def enter(authority: Authority, role: str, secret: str, times: int = 1) -> list[Credentials]:
    request = make_request(new_key())
    return [authority.enter(role, request, prove(secret, TO_ENTER, role, request)) for _ in range(times)]


def test_each_gets_a_name_of_its_own_and_the_role_of_the_secret(authority: Authority) -> None:
    given = [*enter(authority, "agent", AGENTS, 2), *enter(authority, "agent", OLD)]
    assert len({one.name for one in given}) == 3
    for one in given:
        assert peer_of(load_certificate(split_pem(one.certificate)[0])).role == "agent"
    assert [(use.id, use.joined) for use in authority.ledger.secrets()] == sorted(
        [(bootstrap.secret_id("agent", AGENTS), 2), (bootstrap.secret_id("agent", OLD), 1)]
    )
    assert enter(authority, "gateway", GATEWAYS)[0].name.startswith("gateway-")


@pytest.mark.parametrize(
    ("role", "secret"),
    [
        ("gateway", AGENTS),
        ("agent", GATEWAYS),
        ("agent", "x" * 40),
        ("agent", ""),
        ("orchestrator", AGENTS),
        ("client", AGENTS),
        ("authority", AGENTS),
        ("tuner", ""),
    ],
)
def test_a_secret_is_good_for_one_role_alone(authority: Authority, role: str, secret: str) -> None:
    with pytest.raises(NotPermitted, match="no secret"):
        enter(authority, role, secret)
    assert authority.ledger.all() == []


def test_a_proof_is_for_one_request_and_one_purpose(authority: Authority) -> None:
    mine, other = make_request(new_key()), make_request(new_key())
    for proof in (
        prove(AGENTS, TO_ENTER, "agent", other),
        prove(AGENTS, TO_KNOW, "agent", mine),
        prove(AGENTS, TO_ENTER, "gateway", mine),
        "é",
        "",
    ):
        with pytest.raises(NotPermitted):
            authority.enter("agent", mine, proof)
    with pytest.raises(InvalidInput):
        authority.enter("agent", "no request", prove(AGENTS, TO_ENTER, "agent", "no request"))


def test_the_authority_proves_that_it_knows_the_secret(authority: Authority) -> None:
    roots = authority.roots()
    proofs = authority.known_by("agent", "drawn", roots)
    for proof, secret in zip(proofs, (AGENTS, OLD), strict=True):
        assert proves(proof, secret, TO_KNOW, "agent", "drawn", roots)
    assert not any(proves(one, AGENTS, TO_KNOW, "agent", "other", roots) for one in proofs)
    assert not any(proves(one, AGENTS, TO_KNOW, "agent", "drawn", roots + roots) for one in proofs)
    assert authority.known_by("client", "drawn", roots) == []


def test_a_revoked_secret_lets_nobody_in_and_its_successor_does(authority: Authority, now: Now) -> None:
    (before,) = enter(authority, "agent", OLD)
    authority.ledger.revoke_secret(bootstrap.secret_id("agent", OLD), now())
    authority.ledger.revoke_secret(bootstrap.secret_id("gateway", GATEWAYS), now())
    with pytest.raises(NotPermitted, match="is revoked"):
        enter(authority, "agent", OLD)
    with pytest.raises(NotPermitted, match="is revoked"):
        enter(authority, "gateway", GATEWAYS)
    assert enter(authority, "agent", AGENTS)
    assert authority.ledger.revoked(now()) == frozenset(), f"{before.name} stays in"


def test_not_too_many_at_once(authority: Authority, now: Now) -> None:
    enter(authority, "agent", AGENTS, BURST)
    with pytest.raises(Unavailable, match=r"try again in 2\.0 s"):
        enter(authority, "agent", AGENTS)
    assert enter(authority, "agent", OLD), "each secret has an allowance of its own"
    now.at += timedelta(seconds=EVERY_S)
    assert enter(authority, "agent", AGENTS)
    with pytest.raises(Unavailable):
        enter(authority, "agent", AGENTS)


def test_the_allowance() -> None:
    assert spend(None, 100.0) == Allowance(BURST - 1, 100.0)
    assert spend(Allowance(0.0, 100.0), 100.0 + EVERY_S) == Allowance(0.0, 100.0 + EVERY_S)
    assert spend(Allowance(0.0, 100.0), 1e9) == Allowance(BURST - 1, 1e9)
    assert spend(Allowance(5.0, 100.0), 50.0) == Allowance(4.0, 50.0), (
        "a clock that was set back gives nothing"
    )
    with pytest.raises(Unavailable):
        spend(Allowance(0.5, 100.0), 100.0)


def test_secrets_in_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORFLEET_BOOTSTRAP__AGENT", f"{AGENTS}, {OLD}")
    settings = load_settings(home=tmp_path)
    assert settings.bootstrap.by_role() == {"agent": (AGENTS, OLD), "gateway": (), "tuner": ()}
    assert AGENTS not in repr(settings)
    assert settings.bootstrap.of("client") == ()
    short = BootstrapSettings(tuner=SecretStr("hunter2"))
    with pytest.raises(InvalidInput, match="32 random ones") as caught:
        short.by_role()
    assert "hunter2" not in str(caught.value)


def test_an_authority_in_a_database_wants_one(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, authority_secret="s" * 40)
    with pytest.raises(InvalidInput, match="PostgreSQL"):
        home.authority_of(settings)
    weak = load_settings(home=tmp_path, authority_secret="s", database_url="postgresql://h/n")
    with pytest.raises(InvalidInput, match="1 characters"):
        home.authority_of(weak)
