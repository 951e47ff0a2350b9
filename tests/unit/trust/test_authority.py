"""What the authority gives, to whom, how often, and for how long."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from tensorfleet.errors import InvalidInput, NotFound, NotPermitted
from tensorfleet.trust.authority import Authority
from tensorfleet.trust.certificates import (
    fingerprint,
    load_certificate,
    make_request,
    new_key,
    peer_of,
    split_pem,
)
from tensorfleet.trust.identity import Credentials
from tensorfleet.trust.invitation import Invitation
from tensorfleet.trust.roles import RIGHTS, Peer, may_call

BEGIN = datetime(2030, 1, 1, 12, tzinfo=UTC)
LIFE = timedelta(hours=10)
HOUR = timedelta(hours=1)


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
    return Authority(tmp_path / "authority", "10.0.0.1:7010", LIFE, now)


def trusts(roots: str, chain: str, at: datetime) -> bool:
    """Whether somebody who trusts `roots` believes the first of `chain`, as X.509 has it."""
    leaf, *between = [load_certificate(one) for one in split_pem(chain)]
    store = Store([load_certificate(one) for one in split_pem(roots)])
    try:
        PolicyBuilder().store(store).time(at).build_client_verifier().verify(leaf, between)
    except VerificationError:
        return False
    return True


def request() -> str:
    return make_request(new_key())


def test_what_it_gives_names_its_holder_and_ends(authority: Authority, now: Now) -> None:
    given = authority.own("agent", "w-1")
    peer = peer_of(load_certificate(split_pem(given.certificate)[0]))
    assert (peer.role, peer.name, peer.expires_at) == ("agent", "w-1", BEGIN + LIFE)
    assert trusts(given.roots, given.certificate, BEGIN)
    assert not trusts(given.roots, given.certificate, BEGIN + LIFE + HOUR)
    assert [given.due(BEGIN + hours * HOUR) for hours in (0, 4.9, 5)] == [False, False, True]
    assert [given.good(BEGIN + hours * HOUR) for hours in (9.9, 10)] == [True, False]


def test_only_servers_have_a_servers_name(authority: Authority) -> None:
    for role in (*RIGHTS, "authority"):
        leaf = load_certificate(split_pem(authority.own(role, "x").certificate)[0])
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        expected = [f"{role}.tensorfleet"] if role in ("orchestrator", "authority") else []
        assert names.get_values_for_type(x509.DNSName) == expected


def test_its_files_are_its_owners_alone(authority: Authority, tmp_path: Path) -> None:
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "authority").iterdir()}
    assert set(files) == {"authority.json", "ledger.db", "lock"}
    assert set(files.values()) == {0o600}


def test_two_processes_make_one_authority(tmp_path: Path, now: Now) -> None:
    roots = set(in_parallel(6, lambda: Authority(tmp_path / "a", "h:1", LIFE, now).roots()))
    assert len(roots) == 1


def test_an_invitation_works_once(authority: Authority) -> None:
    invitation = Invitation.parse(str(authority.invite("agent", "", HOUR)))
    assert invitation.address == "10.0.0.1:7010"
    assert invitation.fingerprint == fingerprint(authority.roots())
    given = authority.join(invitation.secret, request())
    assert given.role == "agent"
    assert given.name.startswith("w-")
    assert given.key == "", "the key stays where it was made"
    with pytest.raises(NotPermitted, match="is used"):
        authority.join(invitation.secret, request())


def test_an_invitation_ends_and_cannot_be_made_up(authority: Authority, now: Now) -> None:
    invitation = authority.invite("gateway", "gw-2", HOUR)
    with pytest.raises(NotPermitted, match="never given"):
        authority.join(invitation.secret[:-1], request())
    with pytest.raises(InvalidInput):
        authority.join(invitation.secret, "no request")
    now.at += HOUR
    with pytest.raises(NotPermitted, match="has expired"):
        authority.join(invitation.secret, request())


def test_the_secret_is_not_kept(authority: Authority, tmp_path: Path) -> None:
    secret = authority.invite("agent", "", HOUR).secret
    kept = b"".join(path.read_bytes() for path in (tmp_path / "authority").iterdir())
    assert secret.encode() not in kept


def test_of_many_at_the_same_moment_one_joins(authority: Authority) -> None:
    secret = authority.invite("agent", "", HOUR).secret

    def try_it() -> str:
        try:
            return authority.join(secret, request()).name
        except NotPermitted:
            return ""

    assert len([name for name in in_parallel(8, try_it) if name]) == 1
    assert len(authority.ledger.all()) == 1


@pytest.mark.parametrize(
    ("role", "name"),
    [("admin", ""), ("authority", ""), ("agent", "../x"), ("agent", "A"), ("agent", "x" * 65)],
)
def test_who_cannot_be_invited(authority: Authority, role: str, name: str) -> None:
    with pytest.raises(InvalidInput):
        authority.invite(role, name, HOUR)


def _signed(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_requests_that_are_refused(authority: Authority) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    for bad in (
        "",
        "-----BEGIN CERTIFICATE REQUEST-----\n!\n",
        _signed(weak),
        _signed(ec.generate_private_key(ec.SECP384R1())),
    ):
        with pytest.raises(InvalidInput):
            authority.vouch("agent", "w-1", bad)


def test_a_revoked_one_is_not_renewed(authority: Authority, now: Now) -> None:
    first = authority.own("agent", "w-1")
    other = authority.own("agent", "w-2")
    peer = _peer(first)
    second = authority.renew(peer, request())
    assert {one.serial for one in authority.ledger.revoke("w-1", now())} == {
        peer.serial,
        _peer(second).serial,
    }
    for one in (peer, _peer(second)):
        with pytest.raises(NotPermitted, match="revoked"):
            authority.renew(one, request())
    assert authority.ledger.revoked(now()) == {peer.serial, _peer(second).serial}
    assert authority.renew(_peer(other), request()).name == "w-2"
    with pytest.raises(NotFound, match="no certificate that is valid"):
        authority.ledger.revoke("w-1", now())
    with pytest.raises(NotFound, match="did you mean 'w-2'"):
        authority.ledger.revoke("w-22", now())


def test_a_revoked_names_invitation_is_gone(authority: Authority, now: Now) -> None:
    authority.own("agent", "w-1")
    secret = authority.invite("agent", "w-1", HOUR).secret
    authority.ledger.revoke("w-1", now())
    with pytest.raises(NotPermitted):
        authority.join(secret, request())


def test_a_certificate_that_it_never_gave_is_not_renewed(
    authority: Authority, tmp_path: Path, now: Now
) -> None:
    stranger = Authority(tmp_path / "other", "h:1", LIFE, now).own("agent", "w-1")
    with pytest.raises(NotPermitted):
        authority.renew(_peer(stranger), request())


def test_after_a_rotation_everybody_believes_everybody(authority: Authority, now: Now) -> None:
    old = authority.own("orchestrator", "o")
    first = authority.invite("agent", "", HOUR)
    authority.rotate()
    new = authority.own("orchestrator", "o")
    authority.rotate()
    newest = authority.own("orchestrator", "o")
    assert len({old.roots, new.roots, newest.roots}) == 3
    for one in (old, new, newest):
        for other in (old, new):
            assert trusts(one.roots, other.certificate, now())
        assert trusts(one.roots, newest.certificate, now()), "the newest is believed by all"
        assert trusts(newest.roots, one.certificate, now()), "the newest believes all"
    assert first.fingerprint in {fingerprint(one) for one in split_pem(authority.roots())}


def test_a_former_root_goes_when_nothing_of_it_is_left(authority: Authority, now: Now) -> None:
    old = authority.own("agent", "w-1")
    now.at += HOUR
    authority.rotate()
    assert len(split_pem(authority.roots())) == 2
    now.at += LIFE
    assert len(split_pem(authority.roots())) == 1
    assert not trusts(authority.roots(), old.certificate, BEGIN)
    assert len(split_pem(authority.own("agent", "w-2").certificate)) == 1


def test_what_is_long_over_is_forgotten(authority: Authority, now: Now) -> None:
    authority.own("agent", "w-1")
    authority.invite("agent", "", HOUR)
    now.at += LIFE + timedelta(days=31)
    authority.own("agent", "w-2")
    assert [one.peer.name for one in authority.ledger.all()] == ["w-2"]


@pytest.mark.parametrize("text", ["", "x", "tfj_", "tfj_!!!", "tfj_" + "e30", "tfj_WzFd", "ä" * 40])
def test_tokens_that_are_none(text: str) -> None:
    with pytest.raises(InvalidInput, match="no token"):
        Invitation.parse(text)


def test_rights() -> None:
    calls = "/tensorfleet.v1.Orchestrator/"
    assert may_call("agent", calls + "Attach")
    assert may_call("gateway", "/grpc.health.v1.Health/Check")
    for role, method in (
        ("agent", "CancelJob"),
        ("agent", "Wake"),
        ("gateway", "Attach"),
        ("orchestrator", "Attach"),
        ("x", "Wake"),
    ):
        assert not may_call(role, calls + method)


def _peer(given: Credentials) -> Peer:
    return peer_of(load_certificate(split_pem(given.certificate)[0]))


def in_parallel(count: int, call: Callable[[], str]) -> list[str]:
    found: list[str] = []
    gate = threading.Barrier(count)

    def work() -> None:
        gate.wait()
        found.append(call())

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == count
    return found
