"""`tensorfleet doctor`: what could keep the platform from running here, and how to mend it."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson

if TYPE_CHECKING:
    from tensorfleet.settings import Settings

_MIN_DISK_BYTES = 2 * 1000**3
_MIN_SHM_BYTES = 64 * 1024**2


_RENEW = "renew it: the gateway takes new files by itself; where it renews them itself, its log says what holds it up"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: `ok`, a `note` that matters only sometimes, or something to `fix`."""

    name: str
    state: Literal["ok", "note", "fix"]
    detail: str
    remedy: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Check this machine: Python, disk, memory files, ports, home, libraries, server."""
    from tensorfleet.cli.output import emit_json

    checks = list(run_checks())
    if as_json:
        emit_json([asdict(check) for check in checks])
    else:
        print_checks(checks)
    if any(check.state == "fix" for check in checks):
        raise typer.Exit(1)


def print_checks(checks: Sequence[Check]) -> None:
    """One line per check, and below it what to do where something is to be mended."""
    from rich.text import Text

    from tensorfleet.cli.output import STATUS_STYLES, printable, screen

    console = screen()
    width = max(len(check.name) for check in checks)
    for check in checks:
        console.print(
            Text.assemble(
                (check.state.ljust(4), STATUS_STYLES[check.state]),
                "  ",
                check.name.ljust(width + 2),
                printable(check.detail),
            )
        )
        if check.remedy:
            console.print(Text(f"{'':{width + 8}}{printable(check.remedy)}"))


def run_checks() -> Iterator[Check]:
    """Looks at each part in turn."""
    from tensorfleet.settings import load_settings

    settings = load_settings()
    running = _server()
    yield _python()
    yield _disk(settings.home)
    yield _shared_memory(Path("/dev/shm"))  # noqa: S108 - torch's workers exchange tensors there
    yield _home(settings.home)
    if settings.encrypted:
        yield _certificate(settings)
    if running.state == "note":
        yield _port(settings.host, settings.port)
    yield from (
        _library(name, extra) for name, extra in (("scikit-learn", ""), ("mlflow", ""), ("torch", "torch"))
    )
    yield running


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.platform in ("linux", "darwin"):
        return Check("python", "ok", f"{version} on {sys.platform}")
    return Check("python", "note", f"{version} on {sys.platform}", "TensorFleet is made for Linux and macOS")


def _disk(home: Path) -> Check:
    from tensorfleet.kit.units import format_bytes

    place = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    detail = f"{format_bytes(free)} free at {place}"
    if free >= _MIN_DISK_BYTES:
        return Check("disk", "ok", detail)
    return Check("disk", "fix", detail, "free some, or set TENSORFLEET_HOME to a place with more")


def _shared_memory(folder: Path) -> Check:
    from tensorfleet.kit.units import format_bytes

    if not folder.is_dir():
        return Check("shared memory", "note", f"there is no {folder}; torch uses files instead")
    size = shutil.disk_usage(folder).total
    detail = f"{format_bytes(size)} at {folder}"
    if size >= _MIN_SHM_BYTES:
        return Check("shared memory", "ok", detail)
    return Check("shared memory", "fix", detail, "start the container with --shm-size=1g")


def _home(home: Path) -> Check:
    if not home.exists():
        return Check("home", "ok", f"{home} will be made at first start")
    if not os.access(home, os.W_OK | os.X_OK):
        return Check(
            "home", "fix", f"{home} cannot be written", f"chown it to you: `sudo chown -R $USER {home}`"
        )
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o077:
        return Check("home", "fix", f"{home} can be read by others ({mode:04o})", f"`chmod 700 {home}`")
    return Check("home", "ok", f"{home}, yours only")


def _certificate(settings: Settings) -> Check:
    """The one that the gateway shows, or would."""
    from datetime import UTC, datetime

    from tensorfleet.errors import InvalidInput
    from tensorfleet.trust.pair import context_of, facts_of
    from tensorfleet.trust.web import due, pair_of

    pair = pair_of(settings)
    assert pair is not None
    if pair.changed() is None and (settings.tls.own or settings.acme.domains):
        return Check("certificate", "note", "none yet; the gateway gets one when it starts")
    try:
        context_of(pair)
        facts = facts_of(pair.certificate)
    except InvalidInput as error:
        return Check("certificate", "fix", error.detail, "mend the file, or the paths in 'tls'")
    now = datetime.now(UTC)
    names = ", ".join(facts.names[:5])
    if now >= facts.expires_at:
        return Check(
            "certificate", "fix", f"for {names}: it expired at {facts.expires_at:%Y-%m-%d %H:%M} UTC", _RENEW
        )
    left = facts.expires_at - now
    told = f"for {names}: good until {facts.expires_at:%Y-%m-%d %H:%M} UTC, {left.days} days"
    if now < facts.begins_at:
        return Check(
            "certificate",
            "fix",
            f"for {names}: not good before {facts.begins_at:%Y-%m-%d %H:%M} UTC",
            "check the clock",
        )
    if stat.S_IMODE(pair.key.stat().st_mode) & 0o077:
        return Check("certificate", "fix", f"others can read its key, {pair.key}", f"`chmod 600 {pair.key}`")
    return Check("certificate", "note", told, _RENEW) if due(facts, now) else Check("certificate", "ok", told)


def _port(host: str, port: int) -> Check:
    import socket

    try:
        with socket.create_server((host, port)):
            return Check("port", "ok", f"{host}:{port} is free")
    except OSError as error:
        return Check(
            "port", "fix", f"{host}:{port}: {error.strerror}", "start with `tensorfleet up --port 8081`"
        )


def _library(name: str, extra: str) -> Check:
    from importlib.metadata import PackageNotFoundError, version

    with suppress(PackageNotFoundError):
        return Check(name, "ok", version(name))
    package = f"tensorfleet[{extra}]" if extra else "tensorfleet"
    state: Literal["note", "fix"] = "note" if extra else "fix"
    return Check(name, state, "not installed", f"`pip install '{package}'`")


def _server() -> Check:
    from tensorfleet.errors import TensorFleetError

    try:
        with session.connect() as client:
            health = client.health()
    except TensorFleetError as error:
        return Check("server", "note", error.detail)
    if health.get("status") == "ok":
        return Check("server", "ok", f"running at {client.url}")
    parts = {name: part for name, part in (health.get("parts") or {}).items() if isinstance(part, dict)}
    unwell = [f"{name} {part['status']}" for name, part in parts.items() if part.get("status") != "ok"]
    state: Literal["note", "fix"] = "note" if health.get("accepts_jobs") else "fix"
    found = f"{health.get('status')} at {client.url}" + (f": {', '.join(unwell)}" if unwell else "")
    return Check("server", state, found, "see `tensorfleet status`")
