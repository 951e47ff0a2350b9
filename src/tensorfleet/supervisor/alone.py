"""A role in a container of its own: the token from outside, and the address at which others reach it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

from tensorfleet.errors import Unavailable
from tensorfleet.kit.files import write_atomic
from tensorfleet.kit.home import TOKEN_FILE
from tensorfleet.settings import Settings

LOOPBACK = "127.0.0.1"


def adopt_token(settings: Settings) -> None:
    """Puts the token that all roles of one platform share, if TENSORFLEET_TOKEN has it, where this home keeps it."""
    token = os.environ.get("TENSORFLEET_TOKEN", "").strip()
    path = settings.home / TOKEN_FILE
    if not token or (path.exists() and path.read_text().strip() == token):
        return
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(path, token.encode(), mode=0o600)


def own_address(orchestrator: str) -> str:
    """What ranks on other machines reach this one at: its address on the way to the orchestrator.

    Raises:
        Unavailable: no name in `orchestrator` can be resolved.
    """
    if all(address.startswith("unix:") for address in _addresses(orchestrator)):
        return LOOPBACK
    for address in _addresses(orchestrator):
        host, _, port = address.rpartition(":")
        with suppress(OSError, ValueError):
            return _towards(host.strip("[]"), int(port))
    raise Unavailable(
        f"no name in orchestrator_address '{orchestrator}' can be resolved from here; check it, or try again later"
    )


def _addresses(orchestrator: str) -> Iterator[str]:
    return (address.strip() for address in orchestrator.split(","))


def _towards(host: str, port: int) -> str:
    family, kind, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as probe:
        probe.connect(target)  # sends nothing: the kernel only chooses the way
        return str(probe.getsockname()[0])
