"""Where the server is, and the token for it: arguments, then `TENSORFLEET_*`, then the home."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tensorfleet.errors import InvalidInput
from tensorfleet.kit.home import ADDRESS_FILE, TOKEN_FILE, default_home
from tensorfleet.sdk.sign_in import Credentials

DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Address:
    """`url` has no trailing slash; `token` is None where none was found; without a `workspace` it is the default one."""

    url: str
    token: str | None = field(repr=False)
    home: Path
    workspace: str | None = None


def find_address(
    url: str | None = None,
    token: str | None = None,
    home: str | Path | None = None,
    workspace: str | None = None,
) -> Address:
    """Resolves url, token and workspace.

    Who has signed in at the server goes before the token in the home.  That one is used only for the server of that home,
    or one on this machine: it is never sent to a stranger that an argument or the environment names.

    Raises:
        InvalidInput: the url is not an http or https address.
    """
    folder = Path(home) if home is not None else default_home()
    local = _recorded_url(folder)
    chosen = (url or os.environ.get("TENSORFLEET_URL") or local or DEFAULT_URL).rstrip("/")
    parts = urlsplit(chosen)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(f"'{chosen}' is not a server address; write it like {DEFAULT_URL}")
    known = token or os.environ.get("TENSORFLEET_TOKEN")
    if not known and Credentials().find(chosen) is None and (chosen == local or is_loopback(chosen)):
        known = _read(folder / TOKEN_FILE)
    return Address(
        chosen, known or None, folder, workspace or os.environ.get("TENSORFLEET_WORKSPACE") or None
    )


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _recorded_url(home: Path) -> str | None:
    text = _read(home / ADDRESS_FILE)
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return None
    url = found.get("url") if isinstance(found, dict) else None
    return url.rstrip("/") if isinstance(url, str) else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
