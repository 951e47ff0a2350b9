"""Whom a client believes over HTTPS, and what it says of a server that it does not."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tensorfleet.errors import InvalidInput

if TYPE_CHECKING:
    from tensorfleet.sdk.address import Address

_EXPIRED, _NOT_YET, _OTHER_HOST, _OTHER_ADDRESS = 10, 9, 62, 64
"""Of X509_V_ERR; the others that occur say that its authority is not known."""


def context_of(address: Address) -> ssl.SSLContext:
    """For connections to this server: it is believed if `ca` says so, else the system's authorities and the home's.

    Raises:
        InvalidInput: `ca` names a file that holds no certificates.
    """
    # Loading the system's certificates takes longer than a local call; without TLS an empty set does.
    if address.url.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    import httpx

    context = (
        _Named(ssl.PROTOCOL_TLS_CLIENT) if address.server_name else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if isinstance(context, _Named):
        context.name = address.server_name
    if address.ca is not None:
        _believe(context, address.ca)
        return context
    context.load_verify_locations(cadata=_all_of(httpx.create_ssl_context()))
    if address.trusts is not None:
        # The very certificate that the home's gateway shows will do, whoever has given it.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if address.trusts.exists():
            _believe(context, address.trusts)
    for roots in joined_roots(address.home):
        context.load_verify_locations(cadata=roots)
    return context


def _all_of(context: ssl.SSLContext) -> bytes:
    return b"".join(context.get_ca_certs(binary_form=True))


def _believe(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        raise InvalidInput(f"{path} holds no certificates in PEM; it is to name whom to believe") from error
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read ({error.strerror}); name in TENSORFLEET_CA whom to believe"
        ) from error


def joined_roots(home: Path) -> set[str]:
    """The authorities of platforms that parts of this home have joined."""
    found = set()
    for path in (*home.glob("pki/*/identity.json"), home / "agent" / "identity.json"):
        try:
            roots = json.loads(path.read_bytes())["roots"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(roots, str) and roots:
            found.add(roots)
    return found


class _Named(ssl.SSLContext):
    """Asks the server to prove a name that is not the one in its address: local clients reach it at a loopback address."""

    name: str = ""

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*args, **{**options, "server_hostname": self.name})

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        return super().wrap_bio(*args, **{**options, "server_hostname": self.name})


def why_not(error: BaseException, url: str) -> str | None:
    """A sentence for a connection that failed because of TLS; None for any other reason."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, ssl.SSLError):
        found = found.__cause__ or found.__context__
    if found is None:
        return None
    if isinstance(found, ssl.SSLCertVerificationError):
        return _refused(found, url)
    if found.reason in (
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
    ):
        return f"{url} does not speak TLS; write its address as http://{urlsplit(url).netloc}, if it is meant to be without"
    return f"{url} and this client cannot agree on TLS ({found.reason or found}); it takes TLS 1.2 or later"


def _refused(error: ssl.SSLCertVerificationError, url: str) -> str:
    host = urlsplit(url).hostname
    if error.verify_code == _EXPIRED:
        return f"the certificate of {url} has expired; `tensorfleet doctor` on its machine says more"
    if error.verify_code == _NOT_YET:
        return (
            f"the certificate of {url} is not valid yet; look whether the clocks of both machines are right"
        )
    if error.verify_code in (_OTHER_HOST, _OTHER_ADDRESS):
        return f"the certificate of {url} is not for '{host}'; use a name that it is for, or add this one to tls.names there"
    return (
        f"the certificate of {url} is of an authority that is not known here ({error.verify_message}); "
        "name its file in TENSORFLEET_CA or `ca=`: where it is one of the platform's own, `tensorfleet trust ca` there prints it"
    )
