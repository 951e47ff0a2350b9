"""Machines of their own on one: network namespaces on a bridge, each with an address, which can be cut off and joined again."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """`command` in front of another runs that there; empty where all machines are this one."""

    name: str
    address: str
    command: tuple[str, ...] = ()
    cable: str = ""

    def cut(self) -> None:
        """Pulls its network cable: nothing arrives, and nothing is refused either."""
        _ip("link", "set", self.cable, "down")

    def mend(self) -> None:
        _ip("link", "set", self.cable, "up")


def why_not() -> str:
    """Why there can be no namespaces here; empty when there can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's own"
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    if shutil.which("ip") is None:
        return "there is no command `ip`; install iproute2"
    name = f"tf-try-{secrets.token_hex(3)}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return made.stderr.strip()


@contextmanager
def machines(count: int) -> Iterator[list[Machine]]:
    """That many machines on a network that this one is on too; gone at the end."""
    tag, subnet = secrets.token_hex(2), f"10.{64 + secrets.randbelow(64)}.{secrets.randbelow(256)}"
    bridge = f"tfb{tag}"
    found: list[Machine] = []
    try:
        _ip("link", "add", bridge, "type", "bridge")
        _ip("addr", "add", f"{subnet}.254/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for number in range(1, count + 1):
            name = f"tf{tag}-{number}"
            found.append(
                Machine(name, f"{subnet}.{number}", ("ip", "netns", "exec", name), f"tfv{tag}{number}")
            )
            _connect(found[-1], bridge)
        yield found
    finally:
        for machine in found:
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "del", machine.name)
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("link", "del", bridge)


def _connect(machine: Machine, bridge: str) -> None:
    _ip("netns", "add", machine.name)
    _ip("link", "add", machine.cable, "type", "veth", "peer", "name", "eth0", "netns", machine.name)
    _ip("link", "set", machine.cable, "master", bridge, "up")
    for words in (
        ("addr", "add", f"{machine.address}/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("link", "set", "lo", "up"),
    ):
        _ip("-n", machine.name, *words)


def _ip(*words: str) -> None:
    done: Sequence[str] = ("ip", *words)
    subprocess.run(done, check=True, capture_output=True)
