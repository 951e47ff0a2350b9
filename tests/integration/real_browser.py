"""What tests with a browser need: Chromium, from Debian's packages, and an OpenID provider, from npm's.

`python -m tests.integration.real_browser` sets both up; tests look for them, and say what to install where they are not there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tensorfleet.testing.servers import free_ports

FOLDER = Path(__file__).parent / "openid"
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
_INSTALL = ["apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"]


def set_up() -> None:
    """Installs what is missing, where that can be done: Chromium as root on Debian, the provider with npm."""
    if shutil.which("chromium") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        done = subprocess.run(
            _INSTALL, stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        )
        if done.returncode:  # its lists of packages may be old, or not there yet
            subprocess.run(["apt-get", "update"], check=True, stdout=subprocess.DEVNULL)
            subprocess.run(_INSTALL, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["npm", "ci", "--no-fund", "--no-audit", "--silent"], cwd=FOLDER, check=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A real browser, without a window."""
    program = shutil.which("chromium")
    assert program is not None, (
        "there is no Chromium; install it: apt-get install chromium (or make setup-browser, as root)"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Provider:
    """A real OpenID provider, that can be killed and started again at the same address."""

    def __init__(self, people: dict[str, Any], client: dict[str, Any], port: int | None = None) -> None:
        port = port or free_ports(1)[0]
        self.issuer = f"http://localhost:{port}"
        self._settings = {"port": port, "people": people, "client": client}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        assert (FOLDER / "node_modules" / "oidc-provider").is_dir(), (
            f"run `npm ci` in {FOLDER} (or make setup-browser)"
        )
        command = ["node", "--no-warnings", str(FOLDER / "provider.mjs"), json.dumps(self._settings)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._read_until("ready")

    def tell(self, **order: Any) -> None:
        """`groups={"anna": [...]}`, `rotate=True`."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self._read_until("done")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _read_until(self, word: str) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == word:
                return
        raise AssertionError(f"the provider ended before it said '{word}'")


if __name__ == "__main__":
    set_up()
