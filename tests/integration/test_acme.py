"""Certificates ordered of a real ACME server: Pebble, Let's Encrypt's own small one."""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from cryptography import x509

import tensorfleet
from tensorfleet.testing.pebble import Pebble, pebble
from tensorfleet.testing.prometheus import NotToBeHad
from tests.integration.platform import Platform, running_platform, wait_until
from tests.integration.test_tls import Maker

NAMES = ("fleet.example.org", "www.fleet.example.org")
LIFE_S = 12


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    folder = tmp_path_factory.mktemp("pebble")
    maker = Maker(folder)
    try:
        with pebble(folder, *maker.write(maker.give("localhost")), maker.root, LIFE_S) as found:
            yield found
    except NotToBeHad as error:
        pytest.fail(str(error))


def settings_for(authority: Pebble, **changes: str) -> dict[str, str]:
    return {
        "TENSORFLEET_ACME__DOMAINS": json.dumps(NAMES),
        "TENSORFLEET_ACME__EMAIL": "ops@example.org",
        "TENSORFLEET_ACME__DIRECTORY": authority.directory,
        "TENSORFLEET_ACME__TERMS_AGREED": "true",
        "TENSORFLEET_ACME__CA": str(authority.ca),
        "TENSORFLEET_TLS__REDIRECT_PORT": str(authority.http_port),
        **changes,
    }


def shown(platform: Platform) -> x509.Certificate:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, port = platform.client.url.removeprefix("https://").split(":")
    with closing(context.wrap_socket(socket.create_connection((host, int(port)), timeout=10))) as link:
        return x509.load_der_x509_certificate(link.getpeercert(binary_form=True) or b"")


def test_a_certificate_is_ordered_and_renewed_in_time(authority: Pebble, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings_for(authority).items():
            patch.setenv(name, value)
        with running_platform(tmp_path / "home", workers=1) as platform:
            wait_until(
                lambda: "Pebble" in shown(platform).issuer.rfc4514_string(),
                "a certificate of the authority",
                60,
            )
            first = shown(platform)
            names = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            assert set(names.get_values_for_type(x509.DNSName)) == set(NAMES)

            with tensorfleet.Client(home=platform.home) as client:
                assert client.health()["accepts_jobs"], "clients of the home know it by its file"
            root = tmp_path / "root.pem"
            root.write_text(authority.root())
            trusted = ssl.create_default_context(cafile=str(root))
            host, port = platform.client.url.removeprefix("https://").split(":")
            with trusted.wrap_socket(
                socket.create_connection((host, int(port))), server_hostname=NAMES[0]
            ) as link:
                assert link.version() == "TLSv1.3"

            folder = platform.home / "acme"
            assert folder.stat().st_mode & 0o777 == 0o700
            assert {path.stat().st_mode & 0o777 for path in folder.iterdir() if path.is_file()} == {0o600}
            assert list((folder / "challenges").iterdir()) == [], "answers are taken away again"

            wait_until(lambda: shown(platform).serial_number != first.serial_number, "the next one", 60)
            second = shown(platform)
            begun = (second.not_valid_before_utc - first.not_valid_before_utc).total_seconds()
            assert LIFE_S * 2 / 3 - 1 <= begun < LIFE_S, "at two thirds of its life, and before its end"
            assert second.public_key() != first.public_key()
            log = (platform.home / "logs" / "gateway.log").read_text()
            assert "Traceback" not in log
            refused_and_waited_for(platform, authority)


def refused_and_waited_for(platform: Platform, authority: Pebble) -> None:
    """Names lead elsewhere when the next certificate is due: the authority reaches nobody there."""
    authority.lead_names_to("127.0.0.9")
    log = platform.home / "logs" / "gateway.log"
    wait_until(lambda: "could not prove the names" in log.read_text(), "a refusal", 60)
    tries = json.loads((platform.home / "acme" / "tries.json").read_text())
    assert tries["failed"] == 1
    assert "fleet.example.org" in tries["detail"]
    platform.kill("gateway")
    wait_until(lambda: _lives(platform), "the gateway to be back", 60)
    assert log.read_text().count("could not prove the names") == 1, "it waits, also after a restart"
    port = os.environ["TENSORFLEET_TLS__REDIRECT_PORT"]
    for path in ("x", "..%2f..%2faccount.key", "%2e%2e/account.key"):
        found = httpx.get(f"http://127.0.0.1:{port}/.well-known/acme-challenge/{path}", trust_env=False)
        assert found.status_code == 308


def _lives(platform: Platform) -> bool:
    with suppress(OSError):
        return bool(shown(platform))
    return False
