"""A real ACME server for tests: Pebble, Let's Encrypt's own small one, from Debian's package, which need not be installed.

It is as strict as theirs, and rejects good nonces now and then, as theirs may.
"""

from __future__ import annotations

import json
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tensorfleet.testing.prometheus import program
from tensorfleet.testing.servers import _running, _wait_until, free_ports


@dataclass(frozen=True)
class Pebble:
    """Where it is asked and where it looks for answers to its challenges."""

    directory: str
    http_port: int
    management: str
    names: str
    ca: Path

    def root(self) -> str:
        """What its certificates lead to, in PEM; it makes a new one at each start."""
        import httpx

        believed = ssl.create_default_context(cafile=str(self.ca))
        return httpx.get(f"{self.management}/roots/0", verify=believed, trust_env=False).text

    def lead_names_to(self, address: str) -> None:
        """Every name resolves to this IPv4 address from here on."""
        import httpx

        httpx.post(f"{self.names}/set-default-ipv4", json={"ip": address}, trust_env=False)


@contextmanager
def pebble(folder: Path, certificate: Path, key: Path, ca: Path, life_s: int) -> Iterator[Pebble]:
    """One that gives certificates for `life_s`, and the name server that it asks; both end with the context.

    Args:
        certificate, key: with which it shows itself, as `localhost`; `ca` is whom that comes from.

    Raises:
        NotToBeHad: it is not here, and its package cannot be fetched.
    """
    listens, manages, answers, unused, dns, control = free_ports(6)
    config = folder / "pebble.json"
    config.write_text(json.dumps({"pebble": {
        "listenAddress": f"127.0.0.1:{listens}", "managementListenAddress": f"127.0.0.1:{manages}",
        "certificate": str(certificate), "privateKey": str(key), "httpPort": answers, "tlsPort": unused,
        "ocspResponderURL": "", "externalAccountBindingRequired": False, "certificateValidityPeriod": life_s,
    }}))  # fmt: skip
    told = [
        program("pebble-challtestsrv"), "-dns01", f"127.0.0.1:{dns}", "-management", f"127.0.0.1:{control}",
        "-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
    ]  # fmt: skip
    command = [program("pebble"), "-config", str(config), "-dnsserver", f"127.0.0.1:{dns}", "-strict"]
    env = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_AUTHZREUSE": "0"}
    end, killed = signal.SIGTERM, signal.SIGKILL
    log = folder / "pebble.log"
    with (
        _running(told, folder / "names.log", stop=end, on_orphaned=killed),
        _running(command, log, stop=end, on_orphaned=killed, env=env),
    ):
        _wait_until(lambda: _listens(listens) and _listens(control), "pebble", log)
        directory, management = f"https://localhost:{listens}/dir", f"https://localhost:{manages}"
        yield Pebble(directory, answers, management, f"http://127.0.0.1:{control}", ca)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
