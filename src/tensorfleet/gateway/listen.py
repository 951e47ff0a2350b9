"""The gateway's socket.  Under `up` the supervisor holds it, so that connections wait while a gateway is restarted."""

from __future__ import annotations

import os
import socket
from typing import Any

from tensorfleet.errors import Conflict
from tensorfleet.settings import Settings
from tensorfleet.trust.web import name_of, trusted_by_home


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        Conflict: the port is taken, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise Conflict(
            f"port {port} on {host} cannot be used ({error.strerror}); choose another with --port, or --port 0 for any free one"
        ) from error
    listener.set_inheritable(True)
    return listener


def url_of(listener: socket.socket, scheme: str = "http") -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def described(settings: Settings, listener: socket.socket) -> dict[str, Any]:
    """What local clients read in the home: the address, and by what they know that it is this gateway."""
    if not settings.encrypted:
        return {"url": url_of(listener), "pid": os.getpid()}
    trusted = trusted_by_home(settings)
    return {
        "url": url_of(listener, "https"),
        "pid": os.getpid(),
        "trusts": str(trusted.resolve()) if trusted is not None else None,
        "server_name": name_of(settings),
    }
