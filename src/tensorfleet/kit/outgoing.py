"""The one way in which the server asks a URL that came from outside: webhooks, and whatever else somebody may name.

Such a URL may point to where only the server can go: to itself, its network, or the metadata service of its cloud.  So names are
resolved here, once; every address is checked; and the connection goes to the address that was checked, so that a name server
which answers otherwise the next time gains nothing.  TLS is checked against the name all the same.  A redirect is a new URL.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpcore
import httpx

Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]
_REDIRECTS = (301, 302, 303, 307, 308)
_HOST = re.compile(rb"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?")
_ABOUT_US = ("authorization", "cookie")
_TROUBLE = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.ProxyError)
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ip_network("::/96")
_METADATA = tuple(
    map(
        ip_address,
        (
            "169.254.169.254",
            "169.254.170.2",
            "fd00:ec2::254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
        ),
    )
)
"""Where clouds give their machines' credentials to whoever asks from there; no setting allows these."""


class Refused(Exception):
    """What was to be asked may not be, or answers with what is not taken.  The text holds no URL: it may be a secret."""


class NoAnswer(Exception):
    """The other side is away, too slow, or breaks off; it may answer later."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names are in lower case."""
    body: bytes


def _resolved(host: str, port: int) -> list[str]:
    """Every address of a name; also of numbers as C libraries read them, such as 0177.1 or 2130706433."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise Refused("its host is no name") from None
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass(frozen=True)
class Outgoing:
    """
    Attributes:
        allow: networks that may be asked although they are not of the internet.
        proxy: what everything goes through; it resolves names, so only addresses that stand in a URL are checked here.
        within_s: the longest that one call may take, from the name to the last byte, redirects included; only the name's
            own look-up may take as long as the system lets it.
        most_bytes: of a body.
        redirects: how many are followed.
        trust: the authorities that are believed; the system's by default.
    """

    allow: tuple[Network, ...] = ()
    proxy: str = ""
    within_s: float = 10.0
    most_bytes: int = 1024**2
    redirects: int = 0
    resolve: Resolve = _resolved
    trust: ssl.SSLContext | None = None

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """As `send`; redirects are followed, without the headers that say who asks once they lead to another host."""
        deadline, sent, at = time.monotonic() + self.within_s, dict(headers or {}), checked(url)
        for _ in range(self.redirects + 1):
            answer = self._once("GET", at, sent, b"", deadline)
            target = answer.headers.get("location")
            if answer.status not in _REDIRECTS or target is None:
                return answer
            following = checked(target, at)
            if (following.scheme, following.netloc) != (at.scheme, at.netloc):
                sent = {name: value for name, value in sent.items() if name.lower() not in _ABOUT_US}
            at = following
        raise Refused(f"it leads on more than {self.redirects} times")

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, read: bool = True
    ) -> Answer:
        """The answer, which may be a redirect; without `read` its body is left where it is.

        Raises:
            Refused: the URL, or one that it leads to, may not be asked; the body is too large; too many redirects.
            NoAnswer: nobody answers, or not in time.
        """
        return self._once(method, checked(url), headers, body, time.monotonic() + self.within_s, read=read)

    def _once(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        body: bytes,
        deadline: float,
        *,
        read: bool = True,
    ) -> Answer:
        if self.proxy and (literal := _literal(url.host)) is not None:
            check_address(literal, self.allow)
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        sent: list[tuple[bytes | str, bytes | str]] = [
            ("Host", url.netloc),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
            *headers.items(),
        ]
        try:
            with (
                self._pool(deadline) as pool,
                pool.stream(method, target, headers=sent, content=body) as found,
            ):
                return self._answer(found, read)
        except (*_TROUBLE, OSError) as error:
            raise NoAnswer(type(error).__name__) from None

    def _pool(self, deadline: float) -> httpcore.ConnectionPool:
        trust = self.trust or ssl.create_default_context()
        if self.proxy:
            return httpcore.HTTPProxy(
                self.proxy, ssl_context=trust, network_backend=_Backend(self.resolve, deadline, None)
            )
        return httpcore.ConnectionPool(
            ssl_context=trust, network_backend=_Backend(self.resolve, deadline, self.allow)
        )

    def _answer(self, found: httpcore.Response, read: bool) -> Answer:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in found.headers}
        body = bytearray()
        for piece in found.iter_stream() if read else ():
            body += piece
            if len(body) > self.most_bytes:
                raise Refused(f"it answers with more than {self.most_bytes} bytes")
        return Answer(found.status, headers, bytes(body))


def checked(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """A URL that may be asked, as far as it can be seen from it; `base` is where it was named.

    Raises:
        Refused
    """
    try:
        url = base.join(text) if base is not None else httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise Refused("it is no URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise Refused("it is not an http or https URL with a host")
    if not _HOST.fullmatch(url.raw_host) or not 0 < (url.port or 1) < 65536:
        raise Refused("it names no host and port that there could be")
    if url.userinfo:
        raise Refused("a user or a password stands in its URL; send them in a header")
    return url


def check_named(text: str, allow: Iterable[Network] = ()) -> None:
    """Returns if this URL may be asked, as far as that can be told without looking up its name.

    Raises:
        Refused
    """
    literal = _literal(checked(text).host)
    if literal is not None:
        check_address(literal, allow)


def check_address(text: str, allow: Iterable[Network] = ()) -> None:
    """Returns if the address is of the internet, or allowed.

    Raises:
        Refused
    """
    address = plain(ip_address(text.partition("%")[0]))
    if address in _METADATA:
        raise Refused("it leads to a cloud's metadata service, which may not be asked")
    if any(address.version == network.version and address in network for network in allow):
        return
    local = isinstance(address, IPv6Address) and address.is_site_local
    if local or not address.is_global or address.is_multicast or address.is_reserved:
        raise Refused(
            f"it leads to {address}, which is not an address of the internet; "
            "if it may be asked, put its network into outgoing.allow of tensorfleet.yaml"
        )


def plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that one of IPv6 only wraps: mapped, compatible, NAT64, 6to4 and Teredo; else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _NAT64) or (address in _COMPATIBLE and int(address) > 0xFFFF):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


class _Backend(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and to nothing else; all of it before the deadline."""

    def __init__(self, resolve: Resolve, deadline: float, allow: tuple[Network, ...] | None) -> None:
        """`allow`: None for a proxy, which may be anywhere."""
        self._resolve = resolve
        self._deadline = deadline
        self._allow = allow

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._resolve(host, port)
        if self._allow is not None:
            for address in addresses:  # one that is wrong makes the name wrong
                check_address(address, self._allow)
        trouble: Exception = httpcore.ConnectError("it has no address")
        for address in addresses:
            try:
                left_s = _left(self._deadline)
                return _Timed(httpcore.SyncBackend().connect_tcp(address, port, left_s), self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
        raise trouble

    def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise Refused("nothing is asked over a socket file")


class _Timed(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Timed(
            self._inner.start_tls(ssl_context, server_hostname, _left(self._deadline)), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise httpcore.ReadTimeout("it takes too long")
    return left_s


def _literal(host: str) -> str | None:
    """The address that stands in a URL instead of a name, in whatever form."""
    try:
        return str(socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)[0][4][0])
    except (OSError, UnicodeError):
        return None
