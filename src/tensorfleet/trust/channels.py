"""gRPC between machines: both ends prove who they are; a socket of this machine stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import grpc.aio

from tensorfleet.trust.identity import Credentials, Identity
from tensorfleet.trust.roles import ORCHESTRATOR, server_name

Options = Sequence[tuple[str, Any]]


def open_channel(address: str, options: Options, own: Credentials | None) -> grpc.Channel:
    """A channel to an orchestrator; without credentials, or to a socket file, it is plain."""
    if own is None or address.startswith("unix:"):
        return grpc.insecure_channel(address, options=options)
    return grpc.secure_channel(address, _client(own), options=_secured(options))


def open_aio_channel(address: str, options: Options, own: Credentials | None) -> grpc.aio.Channel:
    """The same for asyncio."""
    if own is None or address.startswith("unix:"):
        return grpc.aio.insecure_channel(address, options=options)
    return grpc.aio.secure_channel(address, _client(own), options=_secured(options))


def server_credentials(identity: Identity) -> grpc.ServerCredentials:
    """Each handshake sees the identity's file as it is then, so that nothing has to be restarted."""
    shown = identity.current

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal shown
        if identity.current is shown:
            return None
        shown = identity.current
        return _server(shown)

    return grpc.dynamic_ssl_server_credentials(_server(shown), changed, require_client_authentication=True)


def _server(own: Credentials) -> grpc.ServerCertificateConfiguration:
    pair = (own.key.encode(), own.certificate.encode())
    return grpc.ssl_server_certificate_configuration([pair], own.roots.encode())


def _client(own: Credentials) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(own.roots.encode(), own.key.encode(), own.certificate.encode())


def _secured(options: Options) -> list[tuple[str, Any]]:
    # The certificate says what the server is, not where: a platform's orchestrator may be anywhere, and nobody else is one.
    name = server_name(ORCHESTRATOR)
    named = (("grpc.ssl_target_name_override", name), ("grpc.default_authority", name))
    return [
        *options,
        *named,
        ("grpc.use_local_subchannel_pool", 1),
    ]  # not the connection of a former certificate
