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
    """`url` has no trailing slash; `token` is None where none was found; without a `workspace` it is the default one.

    Attributes:
        ca: a file with those who alone are believed over HTTPS.
        trusts: a file with the certificate, or the authority, of this home's own gateway.
        server_name: what the gateway's certificate is for, where its address is another.
    """

    url: str
    token: str | None = field(repr=False)
    home: Path
    workspace: str | None = None
    ca: Path | None = None
    trusts: Path | None = None
    server_name: str = ""


def find_address(
    url: str | None = None,
    token: str | None = None,
    home: str | Path | None = None,
    workspace: str | None = None,
    ca: str | Path | None = None,
) -> Address:
    """Resolves url, token and workspace.

    Who has signed in at the server goes before the token in the home.  That one is used only for the server of that home,
    or one on this machine: it is never sent to a stranger that an argument or the environment names.

    Raises:
        InvalidInput: the url is not an http or https address.
    """
    folder = Path(home) if home is not None else default_home()
    recorded = _recorded(folder)
    local = recorded.get("url", "").rstrip("/") or None
    chosen = (url or os.environ.get("TENSORFLEET_URL") or local or DEFAULT_URL).rstrip("/")
    parts = urlsplit(chosen)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(f"'{chosen}' is not a server address; write it like {DEFAULT_URL}")
    known = token or os.environ.get("TENSORFLEET_TOKEN")
    if not known and Credentials().find(chosen) is None and (chosen == local or is_loopback(chosen)):
        known = _read(folder / TOKEN_FILE)
    believed = ca or os.environ.get("TENSORFLEET_CA")
    own = recorded if chosen == local else {}
    return Address(
        chosen,
        known or None,
        folder,
        workspace or os.environ.get("TENSORFLEET_WORKSPACE") or None,
        Path(believed).expanduser() if believed else None,
        Path(own["trusts"]) if own.get("trusts") else None,
        own.get("server_name", ""),
    )


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _recorded(home: Path) -> dict[str, str]:
    """What the gateway of this home has noted of itself."""
    text = _read(home / ADDRESS_FILE)
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return (
        {name: text for name, text in found.items() if isinstance(text, str)}
        if isinstance(found, dict)
        else {}
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
