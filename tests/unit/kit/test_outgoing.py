from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_network

import httpcore
import pytest

from tensorfleet.kit import outgoing
from tensorfleet.kit.outgoing import NoAnswer, Outgoing, Refused, check_address, checked

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    "address", [PUBLIC, "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_of_the_internet_may_be_asked(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1",
        "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "::7f00:1", "::10.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    ],
)  # fmt: skip
def test_others_may_not(address: str) -> None:
    with pytest.raises(Refused, match=r"not an address of the internet; .* outgoing\.allow"):
        check_address(address)


METADATA = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
]


@pytest.mark.parametrize("address", METADATA)
def test_metadata_services_may_not_even_if_their_network_may(address: str) -> None:
    with pytest.raises(Refused, match="metadata"):
        check_address(address, [ip_network("0.0.0.0/0"), ip_network("::/0")])


def test_networks_may_be_allowed() -> None:
    allow = [ip_network("10.1.0.0/16"), ip_network("fd12::/16")]
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::5"):
        check_address(address, allow)
    with pytest.raises(Refused):
        check_address("10.2.0.1", allow)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.org/", "http or https"),
        ("file:///etc/passwd", "http or https"),
        ("gopher://example.org:70/_x", "http or https"),
        ("//example.org", "http or https"),
        ("https:///path", "http or https"),
        ("", "http or https"),
        ("https://user:pass@example.org/", "a user or a password"),
        ("https://user@example.org/", "a user or a password"),
        ("http://exa mple.org/", "no host and port"),
        ("http://[::1/", "no URL"),
        ("http://example.org:99999999/", "no host and port"),
        ("http://example.org/\r\nX: y", "no URL"),
        ("http://example.org/" + "x" * 100_000, "no URL"),
        ("http://" + "ü" * 300 + "/", "no URL"),
    ],
)
def test_what_is_no_plain_address_of_the_web_is_refused(url: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        checked(url)
    assert "pass@" not in str(refused.value)


class Net:
    """Name servers and servers that exist only here: what they were asked, and connections to a thread that answers."""

    def __init__(self) -> None:
        self.names: dict[str, list[Sequence[str]]] = {}
        self.resolved: list[str] = []
        self.connected: list[tuple[str, int]] = []
        self.answers: list[bytes] = []
        self.requests: list[bytes] = []
        self.down: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    def resolve(self, host: str, port: int) -> Sequence[str]:
        self.resolved.append(host)
        found = self.names[host]
        return found.pop(0) if len(found) > 1 else found[0]

    def connect(self, address: str, port: int, _timeout: float | None = None) -> httpcore.NetworkStream:
        self.connected.append((address, port))
        if address in self.down:
            raise httpcore.ConnectError("refused")
        ours, theirs = socket.socketpair()
        self._sockets += [ours, theirs]
        thread = threading.Thread(target=self._serve, args=(theirs,))
        thread.start()
        self._threads.append(thread)
        return httpcore._backends.sync.SyncStream(ours)

    def _serve(self, link: socket.socket) -> None:
        self.requests.append(link.recv(65536))
        link.sendall(self.answers.pop(0))
        link.close()

    def close(self) -> None:
        for thread in self._threads:
            thread.join(5)
        for link in self._sockets:
            link.close()


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Iterator[Net]:
    found = Net()
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda _self, *given: found.connect(*given))
    yield found
    found.close()


@pytest.fixture
def ask(net: Net) -> Callable[..., Outgoing]:
    return lambda **given: Outgoing(resolve=net.resolve, **given)


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body


def test_a_name_is_resolved_once_and_that_address_is_asked(net: Net, ask: Callable[..., Outgoing]) -> None:
    net.names["rebind.example"] = [[PUBLIC], ["127.0.0.1"]]
    net.answers = [answer(b"hello", X_One="1")]
    found = ask().get("http://rebind.example:8080/a?b=c", {"X-Mine": "1"})

    assert (found.status, found.body, found.headers["x-one"]) == (200, b"hello", "1")
    assert net.resolved == ["rebind.example"]
    assert net.connected == [(PUBLIC, 8080)]
    assert net.requests[0].startswith(b"GET /a?b=c HTTP/1.1\r\nHost: rebind.example:8080\r\n")
    assert b"X-Mine: 1" in net.requests[0]


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1", PUBLIC], ["169.254.169.254"], ["fe80::1%2"]]
)
def test_a_name_with_one_wrong_address_is_not_asked(
    addresses: list[str], net: Net, ask: Callable[..., Outgoing]
) -> None:
    net.names["evil.example"] = [addresses]
    with pytest.raises(Refused):
        ask().get("http://evil.example/")
    assert net.connected == []


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0177.1", "127.1", "127.0.0.1", "0",
        "[::1]", "[::ffff:7f00:1]", "[::ffff:127.0.0.1]",
    ],
)  # fmt: skip
def test_addresses_in_other_forms_are_seen_through(host: str, net: Net) -> None:
    """By the C library's own reading, which needs no name server for these."""
    with pytest.raises(Refused, match=r"not an address of the internet|no URL"):
        Outgoing().get(f"http://{host}/")
    assert net.connected == []


def test_the_next_address_is_tried_when_one_is_down(net: Net, ask: Callable[..., Outgoing]) -> None:
    net.names["two.example"] = [["1.1.1.1", "1.0.0.1"]]
    net.down = {"1.1.1.1"}
    net.answers = [answer()]
    assert ask().get("http://two.example/").status == 200
    assert [address for address, _ in net.connected] == ["1.1.1.1", "1.0.0.1"]
    net.down = {"1.1.1.1", "1.0.0.1"}
    with pytest.raises(NoAnswer, match="ConnectError"):
        ask().get("http://two.example/")
    net.names["none.example"] = [[]]
    with pytest.raises(NoAnswer):
        ask().get("http://none.example/")


def test_a_redirect_is_looked_at_as_the_first_was(net: Net, ask: Callable[..., Outgoing]) -> None:
    net.names = {"a.example": [[PUBLIC]], "b.example": [["1.1.1.1"]], "inside.example": [["10.0.0.1"]]}
    mine = {"Authorization": "Bearer x", "Cookie": "y", "X-Other": "z"}

    net.answers = [
        answer(status="302 Found", Location="/next"),
        answer(status="307 Temporary", Location="http://b.example/end"),
        answer(b"end"),
    ]
    assert ask(redirects=3).get("http://a.example/", mine).body == b"end"
    assert b"Authorization" in net.requests[1]
    assert b"Authorization" not in net.requests[2]
    assert b"Cookie" not in net.requests[2]
    assert b"X-Other" in net.requests[2]

    for target in (
        "http://inside.example/",
        "http://127.0.0.1/",
        "file:///etc/passwd",
        "http://[::1]:6379/",
        "http://u:p@b.example/",
    ):
        net.names |= {"127.0.0.1": [["127.0.0.1"]], "::1": [["::1"]]}
        net.answers = [answer(status="302 Found", Location=target)]
        before = len(net.connected)
        with pytest.raises(Refused):
            ask(redirects=3).get("http://a.example/")
        assert len(net.connected) == before + 1


def test_redirects_have_an_end_and_are_not_followed_unasked(net: Net, ask: Callable[..., Outgoing]) -> None:
    net.names = {"a.example": [[PUBLIC]]}
    around = answer(status="302 Found", Location="http://a.example/")
    net.answers = [around] * 10
    with pytest.raises(Refused, match="more than 2 times"):
        ask(redirects=2).get("http://a.example/")
    assert len(net.connected) == 3
    assert ask().send("POST", "http://a.example/", {}, b"x").status == 302
    assert net.requests[-1].startswith(b"POST / ")


def test_a_body_has_an_end(net: Net, ask: Callable[..., Outgoing]) -> None:
    net.names = {"a.example": [[PUBLIC]]}
    net.answers = [answer(b"x" * 1001), answer(b"x" * 1000), answer(b"x" * 1001)]
    with pytest.raises(Refused, match="more than 1000 bytes"):
        ask(most_bytes=1000).get("http://a.example/")
    assert len(ask(most_bytes=1000).get("http://a.example/").body) == 1000
    assert ask(most_bytes=1000).send("POST", "http://a.example/", {}, b"", read=False).body == b""


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n" * 9],
)
def test_what_is_no_answer_says_so_without_the_url(
    said: bytes, net: Net, ask: Callable[..., Outgoing]
) -> None:
    net.names = {"a.example": [[PUBLIC]]}
    net.answers = [said]
    with pytest.raises(NoAnswer) as why:
        ask().get("http://a.example/very-secret")
    assert "secret" not in str(why.value)


def test_a_name_that_is_not_there_is_no_answer(net: Net) -> None:
    def nowhere(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(NoAnswer, match="gaierror"):
        Outgoing(resolve=nowhere).get("http://a.example/")


def test_a_proxy_is_asked_for_names_but_not_for_addresses_inside(
    net: Net, ask: Callable[..., Outgoing]
) -> None:
    net.names = {"proxy.example": [["10.0.0.9"]]}
    net.answers = [answer(b"by proxy")]
    through = ask(proxy="http://proxy.example:3128")
    assert through.get("http://a.example/x").body == b"by proxy"
    assert net.connected == [("10.0.0.9", 3128)]
    assert net.requests[0].startswith(b"GET http://a.example/x HTTP/1.1\r\n")
    for inside in ("127.0.0.1", "0x7f.1", "[::1]", "169.254.169.254"):
        with pytest.raises(Refused):
            through.get(f"http://{inside}/")
    assert len(net.connected) == 1


def test_nothing_is_asked_over_a_socket_file() -> None:
    with pytest.raises(Refused):
        outgoing._Backend(lambda _host, _port: [], 1e12, ()).connect_unix_socket("/run/docker.sock")


def test_time_is_over_when_it_is_over(net: Net, ask: Callable[..., Outgoing]) -> None:
    net.names = {"a.example": [[PUBLIC]]}
    with pytest.raises(NoAnswer, match="Timeout"):
        ask(within_s=0.0).get("http://a.example/")
    assert net.connected == []
