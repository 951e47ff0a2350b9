"""TLS of the authority's own port, by Python's `ssl`; gRPC brings its own (`channels`)."""

from __future__ import annotations

import ssl
import tempfile

from tensorfleet.trust.identity import Credentials
from tensorfleet.trust.roles import AUTHORITY, server_name

SERVER_NAME = server_name(AUTHORITY)


def server_context(own: Credentials) -> ssl.SSLContext:
    """Takes callers without a certificate too; one that is shown has to be good."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_OPTIONAL
    refresh(context, own)
    return context


def refresh(context: ssl.SSLContext, own: Credentials) -> None:
    """Connections from here on see these credentials; roots that are known stay so as long as the context."""
    context.load_verify_locations(cadata=own.roots)
    _show(context, own)


def client_context(roots: str, own: Credentials | None = None) -> ssl.SSLContext:
    """Believes the authority alone, whatever address it is at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=roots)
    if own is not None:
        _show(context, own)
    return context


def curious_context() -> ssl.SSLContext:
    """Believes nobody: for asking who the authority is, which a fingerprint then proves.  Nothing secret goes over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _show(context: ssl.SSLContext, own: Credentials) -> None:
    # Only files can be loaded; this one is readable by its owner alone, and gone at once.
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(own.key + own.certificate)
        file.flush()
        context.load_cert_chain(file.name)
