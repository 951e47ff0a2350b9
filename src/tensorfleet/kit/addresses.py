"""Addresses as settings write them: `host:port`, `unix:/path`."""

from __future__ import annotations

import ipaddress


def split_address(address: str) -> tuple[str, int]:
    """Host and port; IPv6 hosts stand in brackets.  Raises ValueError when it is not so written."""
    host, _, port = address.strip().rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"'{address}' is no address; write it as host:port")
    return host.strip("[]"), int(port)


def join_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def stays_here(address: str) -> bool:
    """Whether what is said there does not leave this machine: a socket file, or loopback."""
    if address.strip().startswith("unix:"):
        return True
    host = address.strip().rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
