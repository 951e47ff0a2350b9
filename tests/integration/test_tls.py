"""A gateway that speaks HTTPS: whom clients believe, a certificate that changes while it serves, plain HTTP sent to it."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import tensorfleet
from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.testing.servers import free_ports
from tests.integration.platform import CLI, Platform, running_platform, wait_until

NAME = "fleet.example.org"


class Maker:
    """An authority such as an administrator has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of ours")])
        now = datetime.now(UTC)
        root = self._blank(self._name, self._key, now - timedelta(days=1), now + timedelta(days=30))
        ca = x509.BasicConstraints(ca=True, path_length=0)
        self.root = folder / "root.pem"
        self.root.write_bytes(self._pem(root.add_extension(ca, critical=True)))

    def give(
        self, *names: str, begins: timedelta = timedelta(days=-20), ends: timedelta = timedelta(days=70)
    ) -> tuple[bytes, bytes]:
        """Certificate and key."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        shown = x509.SubjectAlternativeName([_as_name(name) for name in names])
        builder = self._blank(subject, key, now + begins, now + ends).add_extension(shown, critical=False)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self._pem(builder), key.private_bytes(*form)

    def write(self, pair: tuple[bytes, bytes]) -> tuple[Path, Path]:
        """As renewal programs do: each file beside its place first, the key after the certificate."""
        found = self._folder / "server.pem", self._folder / "server.key"
        for path, data in zip(found, pair, strict=True):
            half = path.with_suffix(".half")
            half.write_bytes(data)
            half.chmod(0o600)
            half.replace(path)
        return found

    def _blank(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name)
        serial = x509.random_serial_number()
        return (
            builder.public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )

    def _pem(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _as_name(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def platform(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One with a certificate in files, for a name and a loopback address."""
    certificate, key = maker.write(maker.give(NAME, "127.0.0.1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENSORFLEET_TLS__CERTIFICATE", str(certificate))
        patch.setenv("TENSORFLEET_TLS__KEY", str(key))
        patch.setenv("TENSORFLEET_TLS__REDIRECT_PORT", str(free_ports(1)[0]))
        with running_platform(tmp_path_factory.mktemp("home"), workers=1) as found:
            yield found


def _shown(platform: Platform, **options: object) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for name, value in options.items():
        setattr(context, name, value)
    host, port = platform.client.url.removeprefix("https://").split(":")
    return context.wrap_socket(socket.create_connection((host, int(port)), timeout=10))


def _serial(platform: Platform) -> int:
    with closing(_shown(platform)) as link:
        return x509.load_der_x509_certificate(link.getpeercert(binary_form=True) or b"").serial_number


# ---- clients -------------------------------------------------------------------------------------------------------------


def test_clients_of_the_home_know_their_gateway(platform: Platform) -> None:
    assert platform.client.url.startswith("https://127.0.0.1:")
    assert platform.client.health()["status"] in ("ok", "degraded")
    done = platform.cli("status")
    assert "https://127.0.0.1" in done.stdout
    job = platform.client.submit(name="a", algorithm="random_forest", dataset="iris")
    job.wait(60)


def test_clients_elsewhere_believe_whom_they_are_told(
    platform: Platform, maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (platform.home / "token").read_text()
    with tensorfleet.Client(platform.client.url, token, tmp_path, ca=maker.root) as client:
        assert client.jobs.list(limit=1) is not None
    monkeypatch.setenv("TENSORFLEET_CA", str(maker.root))
    with tensorfleet.Client(platform.client.url, token, tmp_path) as client:
        assert client.health()["accepts_jobs"]


def test_who_does_not_know_the_authority_says_what_to_do(platform: Platform, tmp_path: Path) -> None:
    with (
        tensorfleet.Client(platform.client.url, "secret", tmp_path) as client,
        pytest.raises(Unavailable, match=r"an authority that is not known here .*TENSORFLEET_CA"),
    ):
        client.health()


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    with pytest.raises(InvalidInput, match=r"ca\.pem cannot be read"):
        tensorfleet.Client("https://127.0.0.1:1", "x", ca=file)
    file.write_text("nothing")
    with pytest.raises(InvalidInput, match=r"ca\.pem holds no certificates in PEM"):
        tensorfleet.Client("https://127.0.0.1:1", "x", ca=file)


def test_a_certificate_for_another_name_is_refused(platform: Platform, maker: Maker, tmp_path: Path) -> None:
    port = platform.client.url.rpartition(":")[2]
    with (
        tensorfleet.Client(f"https://localhost:{port}", "x", tmp_path, ca=maker.root) as client,
        pytest.raises(Unavailable, match="is not for 'localhost'"),
    ):
        client.health()


def test_http_and_https_are_told_apart(platform: Platform, tmp_path: Path) -> None:
    with (
        tensorfleet.Client(platform.client.url.replace("https", "http"), "x", tmp_path) as client,
        pytest.raises(Unavailable, match="write the address with https://"),
    ):
        client.health()


# ---- the server ----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_and_weak_ciphers_are_refused(platform: Platform) -> None:
    old = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        _shown(platform, minimum_version=old, maximum_version=old)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:AES256-SHA:ECDHE-ECDSA-AES128-SHA")
    host, port = platform.client.url.removeprefix("https://").split(":")
    with pytest.raises(ssl.SSLError), socket.create_connection((host, int(port))) as link:
        context.wrap_socket(link)
    with closing(_shown(platform)) as link:
        assert link.version() == "TLSv1.3"


def test_browsers_are_told_to_stay(platform: Platform, maker: Maker) -> None:
    answer = httpx.get(
        f"{platform.client.url}/health/live", verify=ssl.create_default_context(cafile=str(maker.root))
    )
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_plain_http_is_sent_to_https(platform: Platform) -> None:
    port = os.environ["TENSORFLEET_TLS__REDIRECT_PORT"]
    answer = httpx.post(
        f"http://127.0.0.1:{port}/api/v1/jobs?a=b%20c", headers={"Host": f"{NAME}:{port}"}, trust_env=False
    )
    assert answer.status_code == 308
    assert (
        answer.headers["location"]
        == f"https://{NAME}:{platform.client.url.rpartition(':')[2]}/api/v1/jobs?a=b%20c"
    )
    with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
        assert link.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_renewed_certificate_is_taken_and_nobody_is_cut_off(platform: Platform, maker: Maker) -> None:
    """Requests go on all the while: on one connection that stays, and on new ones."""
    before = _serial(platform)
    trusted = ssl.create_default_context(cafile=str(maker.root))
    failed: list[str] = []
    end = threading.Event()

    def ask(keep: bool) -> None:
        client = httpx.Client(verify=trusted, trust_env=False, timeout=10)
        while not end.is_set():
            try:
                assert client.get(f"{platform.client.url}/health/live").status_code == 200
            except Exception as error:
                failed.append(repr(error))
            if not keep:
                client.close()
                client = httpx.Client(verify=trusted, trust_env=False, timeout=10)
        client.close()

    gateway = platform.process("gateway").pid
    askers = [threading.Thread(target=ask, args=(keep,)) for keep in (True, False)]
    with closing(_shown(platform)) as stays:
        for asker in askers:
            asker.start()
        try:
            maker.write(maker.give(NAME, "127.0.0.1"))
            wait_until(lambda: _serial(platform) != before, "the new certificate")
        finally:
            end.set()
            for asker in askers:
                asker.join()
        stays.sendall(f"GET /health/live HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
        assert stays.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert failed == []
    assert platform.process("gateway").pid == gateway


def test_a_bad_renewal_changes_nothing(platform: Platform, maker: Maker) -> None:
    before, log = _serial(platform), platform.home / "logs" / "gateway.log"
    certificate, _ = maker.give(NAME, "127.0.0.1")
    _, key = maker.give(NAME, "127.0.0.1")
    maker.write((certificate, key))
    wait_until(lambda: "is not that of the certificate" in log.read_text(), "the gateway to look")
    assert _serial(platform) == before
    path, _ = maker.write((b"nothing", key))
    wait_until(lambda: "holds no certificate in PEM" in log.read_text(), "the gateway to look")
    assert _serial(platform) == before
    path.unlink()
    maker.write(maker.give(NAME, "127.0.0.1"))
    wait_until(lambda: _serial(platform) != before, "the one that is good")


def test_an_expired_certificate_is_told_by_both_ends(platform: Platform, maker: Maker) -> None:
    before = _serial(platform)
    good = "for 127.0.0.1, fleet.example.org: good until"
    assert any(line.startswith("ok") and good in line for line in _doctor(platform))
    maker.write(maker.give(NAME, "127.0.0.1", ends=timedelta(minutes=-5)))
    wait_until(lambda: _serial(platform) != before, "the expired certificate")
    with (
        tensorfleet.Client(platform.client.url, "x", platform.home, ca=maker.root) as client,
        pytest.raises(Unavailable, match="has expired; `tensorfleet doctor` on its machine"),
    ):
        client.health()
    assert any(line.startswith("fix") and "it expired at" in line for line in _doctor(platform))
    assert "the certificate has expired" in (platform.home / "logs" / "gateway.log").read_text()
    before = _serial(platform)
    maker.write(maker.give(NAME, "127.0.0.1"))
    wait_until(lambda: _serial(platform) != before, "the next one")


def _doctor(platform: Platform) -> list[str]:
    return platform.cli("doctor", check=False).stdout.splitlines()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda certificate, key: key.unlink(), r"server\.key cannot be read"),
        (lambda certificate, key: key.write_text("nothing"), "holds no key in PEM"),
        (lambda certificate, key: certificate.write_bytes(b""), "holds no certificate in PEM"),
        (lambda certificate, key: certificate.write_bytes(b"x" * 2_000_000), "larger than 1 MiB"),
        (lambda certificate, key: _lock(key), "has a passphrase"),
        (lambda certificate, key: certificate.write_bytes(Maker(certificate.parent).give("a.example")[0]), "is not that of"),
    ],
    ids=["no key", "not a key", "no certificate", "too large", "with a passphrase", "of another"],
)  # fmt: skip
def test_a_platform_does_not_start_with_what_is_no_good(spoil: object, says: str, tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    certificate, key = maker.write(maker.give(NAME))
    spoil(certificate, key)  # type: ignore[operator]
    env = {"TENSORFLEET_TLS__CERTIFICATE": str(certificate), "TENSORFLEET_TLS__KEY": str(key)}
    done = subprocess.run(
        [CLI, "up", "--port", "0", "--home", str(tmp_path / "home")],
        env={**os.environ, **env}, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert re.search(says, done.stderr), done.stderr


def _lock(path: Path) -> None:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    path.write_bytes(key.private_bytes(*form, serialization.BestAvailableEncryption(b"pass")))


# ---- the platform's own authority ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """As `tensorfleet up --tls` starts it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CERTIFICATE", "KEY", "REDIRECT_PORT"):
            patch.delenv(f"TENSORFLEET_TLS__{name}", raising=False)
        patch.setenv("TENSORFLEET_TLS__OWN", "true")
        patch.setenv("TENSORFLEET_TLS__NAMES", json.dumps([NAME]))
        with running_platform(tmp_path_factory.mktemp("home"), workers=1) as found:
            yield found


def test_the_platforms_authority_gives_a_certificate(own: Platform, tmp_path: Path) -> None:
    assert own.client.health()["accepts_jobs"]
    token, port = (own.home / "token").read_text(), own.client.url.rpartition(":")[2]
    roots = tmp_path / "ca.pem"
    roots.write_text(own.cli("trust", "ca").stdout)
    for host in ("localhost", "127.0.0.1"):
        with tensorfleet.Client(f"https://{host}:{port}", token, tmp_path, ca=roots) as client:
            assert client.health()["accepts_jobs"]
    with closing(_shown(own)) as link:
        shown = x509.load_der_x509_certificate(link.getpeercert(binary_form=True) or b"")
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert NAME in names.get_values_for_type(x509.DNSName)
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [], "it is no part of the platform"
    answer = httpx.get(f"{own.client.url}/health/live", verify=ssl.create_default_context(cafile=str(roots)))
    assert "strict-transport-security" not in answer.headers, "other servers of this machine may be without"


def test_who_has_joined_trusts_it(own: Platform, tmp_path: Path) -> None:
    """An identity that the authority gave has the roots in it, and a client of that home finds them."""
    from tensorfleet.settings import load_settings
    from tensorfleet.trust.home import authority_of
    from tensorfleet.trust.identity import Identity

    authority = authority_of(load_settings(home=own.home))
    Identity(tmp_path / "pki" / "client").save(authority.own("client", "laptop"))
    with tensorfleet.Client(own.client.url, (own.home / "token").read_text(), tmp_path) as client:
        assert client.health()["accepts_jobs"]


def test_its_keys_are_its_owners(own: Platform) -> None:
    folder = own.home / "pki" / "web"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
