"""What the server asks, over real connections: TLS against the name, and servers that take their time."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tensorfleet.kit.outgoing import NoAnswer, Outgoing, Refused

HERE = (ip_network("127.0.0.0/8"),)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A key and a certificate for `name` that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    now, who = datetime.now(UTC), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    return folder / "key.pem", folder / "cert.pem"


@contextmanager
def server(behave: Callable[[socket.socket], None], trust: ssl.SSLContext | None = None) -> Iterator[int]:
    """Does `behave` with each connection that comes; the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def run() -> None:
        while True:
            link, _ = listener.accept()
            with link:
                if over.is_set():
                    return
                try:
                    link.settimeout(10)
                    behave(trust.wrap_socket(link, server_side=True) if trust else link)
                except OSError:
                    continue

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join(10)
        listener.close()


def polite(link: socket.socket) -> None:
    link.recv(65536)
    link.sendall(ANSWER)
    link.close()


def here(**given: object) -> Outgoing:
    return Outgoing(HERE, resolve=lambda _host, _port: ["127.0.0.1"], **given)  # type: ignore[arg-type]


def test_tls_is_checked_against_the_name_although_an_address_is_connected_to(tmp_path: Path) -> None:
    key, cert = certificate(tmp_path, "hooks.example.org")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(cert, key)
    trusted = ssl.create_default_context(cafile=str(cert))
    with server(polite, serving) as port:
        assert here(trust=trusted).get(f"https://hooks.example.org:{port}/").body == b"ok"
        with pytest.raises(NoAnswer):
            here(trust=trusted).get(f"https://other.example.org:{port}/")
        with pytest.raises(NoAnswer):
            here().get(f"https://hooks.example.org:{port}/")


def silent(link: socket.socket) -> None:
    while link.recv(65536):
        pass


def drip(piece: bytes, begin: bytes = b"") -> Callable[[socket.socket], None]:
    def behave(link: socket.socket) -> None:
        link.recv(65536)
        link.sendall(begin)
        for _ in range(200):
            link.sendall(piece)
            time.sleep(0.05)

    return behave


@pytest.mark.parametrize(
    "behave",
    [
        drip(b"H"),
        drip(b"X: y\r\n", b"HTTP/1.1 200 OK\r\n"),
        drip(b"x", b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"),
        silent,
    ],
)
def test_time_is_over_although_something_comes_again_and_again(
    behave: Callable[[socket.socket], None],
) -> None:
    with server(behave) as port:
        began = time.monotonic()
        with pytest.raises(NoAnswer, match="Timeout"):
            here(within_s=0.5).get(f"http://a.example:{port}/")
        assert time.monotonic() - began < 4


def test_without_end_is_too_much() -> None:
    def endless(link: socket.socket) -> None:
        link.recv(65536)
        link.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            link.sendall(b"x" * 65536)

    with server(endless) as port, pytest.raises(Refused, match="more than 1048576 bytes"):
        here().get(f"http://a.example:{port}/")


def test_this_machine_is_not_asked_by_any_of_its_names() -> None:
    asked: list[int] = []
    with server(lambda _link: asked.append(1)) as port:
        for host in (
            "localhost",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "0",
        ):
            with pytest.raises(Refused):
                Outgoing().get(f"http://{host}:{port}/")
        assert asked == []
