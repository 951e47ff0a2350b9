"""X.509, as far as it is needed here: keys of P-256, an authority's own certificate, those that it gives, and who they name."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote, unquote, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tensorfleet.errors import InvalidInput, NotPermitted
from tensorfleet.trust.roles import SERVERS, Peer, server_name

PublicKey = ec.EllipticCurvePublicKey
SCHEME = "tensorfleet"
ROOT_LIFE = timedelta(days=3650)
CLOCKS_APART = timedelta(minutes=5)
"""A certificate begins so long before it is given: the clock of who gets it may be behind."""


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def load_key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def load_certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def fingerprint(pem: str) -> str:
    """SHA-256 of a certificate, in hexadecimal."""
    der = load_certificate(pem).public_bytes(serialization.Encoding.DER)
    return hashlib.sha256(der).hexdigest()


def split_pem(bundle: str) -> list[str]:
    """The certificates of a bundle, one by one.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return [certificate_pem(one) for one in x509.load_pem_x509_certificates(bundle.encode())]
    except ValueError as error:
        raise InvalidInput(f"these are no certificates: {error}") from error


def make_root(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    """An authority's certificate for itself."""
    name = _named(f"TensorFleet authority {x509.random_serial_number():x}"[:40])
    builder = _root(name, key.public_key(), name, key.public_key(), now, now + ROOT_LIFE)
    return builder.sign(key, hashes.SHA256())


def cross_sign(
    old_key: ec.EllipticCurvePrivateKey,
    old: x509.Certificate,
    new: x509.Certificate,
    now: datetime,
    until: datetime,
) -> x509.Certificate:
    """The new authority as the old one vouches for it: who knows only the old one trusts what the new one gives."""
    key = new.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    until = min(until, old.not_valid_after_utc)
    builder = _root(new.subject, key, old.subject, old_key.public_key(), now, until)
    return builder.sign(old_key, hashes.SHA256())


def _root(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePublicKey,
    now: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        _blank(subject, key, issuer, issuer_key, now, until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )


def make_request(key: ec.EllipticCurvePrivateKey) -> str:
    """A signing request: proof of a key, and nothing else.  Role and name are what the authority knows, not what one asks for."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def key_of_request(pem: str) -> ec.EllipticCurvePublicKey:
    """Raises InvalidInput unless it is a request that its own key of P-256 has signed."""
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        key = request.public_key()
        if not request.is_signature_valid:
            raise InvalidInput("the request for a certificate is not signed by its own key")
    except (ValueError, TypeError, InvalidSignature) as error:
        raise InvalidInput(f"this is no request for a certificate: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidInput("a certificate is given for a key of the curve P-256 alone")
    return key


def give(
    root_key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate,
    key: ec.EllipticCurvePublicKey,
    peer: Peer,
    now: datetime,
) -> x509.Certificate:
    """The certificate that says that the holder of `key` is `peer`."""
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(f"{SCHEME}://{peer.role}/{quote(peer.name)}")
    ]
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
    name = _named(peer.name[:64])
    if peer.role in SERVERS:
        names.append(x509.DNSName(server_name(peer.role)))
        uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
    return (
        _blank(name, key, root.subject, root_key.public_key(), now, peer.expires_at, int(peer.serial, 16))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .sign(root_key, hashes.SHA256())
    )


def give_web(
    root_key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate,
    key: PublicKey,
    names: Sequence[str],
    now: datetime,
    until: datetime,
) -> x509.Certificate:
    """For a server that is asked by these names and addresses.  It names no part of a platform, so none takes it for one."""
    ours = [name for name in names if name.endswith(f".{SCHEME}")]
    if ours:
        raise InvalidInput(
            f"'{ours[0]}' is what parts of a platform call each other; no web server can be called so"
        )
    shown = x509.SubjectAlternativeName([_general_name(name) for name in names])
    until = min(until, root.not_valid_after_utc)
    return (
        _blank(_named(names[0][:64]), key, root.subject, root_key.public_key(), now, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(shown, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(root_key, hashes.SHA256())
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def new_serial() -> str:
    return f"{x509.random_serial_number():x}"


def peer_of(certificate: x509.Certificate) -> Peer:
    """Whom a certificate names.  Whether it may be trusted is for TLS to say.

    Raises:
        NotPermitted: it names nobody here.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [urlsplit(uri) for uri in names.get_values_for_type(x509.UniformResourceIdentifier)]
    except (x509.ExtensionNotFound, ValueError):
        found = []
    for uri in found:
        if uri.scheme == SCHEME and uri.netloc and len(uri.path) > 1:
            serial = f"{certificate.serial_number:x}"
            return Peer(uri.netloc, unquote(uri.path[1:]), serial, certificate.not_valid_after_utc)
    raise NotPermitted("the certificate names no part of a platform")


def _blank(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePublicKey,
    now: datetime,
    until: datetime,
    serial: int | None = None,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(now - CLOCKS_APART)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
