"""A server's certificate and key in two files, as administrators and ACME keep them: read, checked, and told about."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from tensorfleet.errors import InvalidInput

# Of TLS 1.2; those of 1.3 are all good.  Forward secrecy, and nothing but authenticated encryption.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_MOST_BYTES = 1024**2


@dataclass(frozen=True)
class Pair:
    """Where a certificate, with its chain, and its key lie; both in PEM."""

    certificate: Path
    key: Path

    def changed(self) -> tuple[tuple[int, int, int], ...] | None:
        """Differs when one of the files does; None while one is missing."""
        try:
            found = [path.stat() for path in (self.certificate, self.key)]
        except OSError:
            return None
        return tuple((one.st_mtime_ns, one.st_ino, one.st_size) for one in found)


@dataclass(frozen=True)
class Facts:
    """What a certificate says: for which names and addresses, from whom, from when to when."""

    names: tuple[str, ...]
    issuer: str
    begins_at: datetime
    expires_at: datetime


def context_of(pair: Pair) -> ssl.SSLContext:
    """For a server that shows this certificate.

    Raises:
        InvalidInput: a file cannot be read or is no PEM, or the key is not the certificate's.
    """
    facts_of(pair.certificate)
    _check_key(pair)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(pair.certificate, pair.key)
    except (ssl.SSLError, OSError) as error:
        raise InvalidInput(f"{pair.certificate} and {pair.key} cannot be used: {error}") from error
    return context


def facts_of(certificate: Path) -> Facts:
    """Of the first certificate in a file.

    Raises:
        InvalidInput: it cannot be read, or holds none.
    """
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(_read(certificate))[0]
    except ValueError as error:
        raise InvalidInput(f"{certificate} holds no certificate in PEM: {error}") from error
    names = tuple(sorted(_names(found)))
    issuer = found.issuer.rfc4514_string()
    return Facts(names, issuer, found.not_valid_before_utc, found.not_valid_after_utc)


def _names(certificate: Any) -> list[str]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses: list[IPv4Address | IPv6Address] = found.get_values_for_type(x509.IPAddress)
    return [*found.get_values_for_type(x509.DNSName), *map(str, addresses)]


def _check_key(pair: Pair) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    try:
        key = load_pem_private_key(_read(pair.key), None)
    except TypeError as error:
        raise InvalidInput(
            f"the key in {pair.key} has a passphrase; store it without one, readable by its owner"
        ) from error
    except ValueError as error:
        raise InvalidInput(f"{pair.key} holds no key in PEM: {error}") from error
    shown = x509.load_pem_x509_certificates(_read(pair.certificate))[0].public_key()
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if shown.public_bytes(*form) != key.public_key().public_bytes(*form):
        raise InvalidInput(f"the key in {pair.key} is not that of the certificate in {pair.certificate}")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            found = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read ({error.strerror}); the gateway needs it for TLS"
        ) from error
    if len(found) > _MOST_BYTES:
        raise InvalidInput(f"{path} is larger than 1 MiB; it holds no certificate or key alone")
    return found
