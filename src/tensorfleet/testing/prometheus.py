"""A real Prometheus and a real Alertmanager for tests, from Debian's packages, which need not be installed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tensorfleet.testing.servers import _running, _wait_until

_PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "pebble": "pebble",
    "pebble-challtestsrv": "pebble",
}
_FETCH_S = 120


class NotToBeHad(Exception):
    """The program is not here, and Debian's packages cannot be fetched."""


def program(name: str) -> str:
    """The path of one of these programs: installed, or unpacked from its package into a cache of this user.

    Raises:
        NotToBeHad: says what to install.
    """
    installed = shutil.which(name)
    if installed is not None:
        return installed
    folder = _cache() / _PACKAGES[name]
    if not (folder / "usr" / "bin" / name).exists():
        _unpack(_PACKAGES[name], folder)
    return str(folder / "usr" / "bin" / name)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tensorfleet" / "debian"


def _unpack(package: str, folder: Path) -> None:
    """Beside the place first: whoever comes at the same time finds nothing, or all of it."""
    half = folder.with_name(f"{package}.{os.getpid()}")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    try:
        subprocess.run(
            ["apt-get", "download", package], cwd=half, check=True, capture_output=True, timeout=_FETCH_S
        )
        archive = next(half.glob("*.deb"))
        subprocess.run(["dpkg", "-x", archive.name, "."], cwd=half, check=True, capture_output=True)
        if not folder.exists():
            half.rename(folder)
    except (OSError, subprocess.SubprocessError, StopIteration) as error:
        raise NotToBeHad(
            f"{package} is not here and its package cannot be fetched ({error}); install it: apt-get install {package}"
        ) from error
    finally:
        shutil.rmtree(half, ignore_errors=True)


@contextmanager
def prometheus(config: Path, folder: Path, port: int) -> Iterator[str]:
    """A server with this configuration; yields its URL."""
    command = [
        program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'series'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    with _server(command, folder / "prometheus.log", f"http://127.0.0.1:{port}") as url:
        yield url


@contextmanager
def alertmanager(config: Path, folder: Path, port: int) -> Iterator[str]:
    """A server with this configuration, alone; yields its URL."""
    binary = program("prometheus-alertmanager")
    command = [
        binary, f"--config.file={config}", f"--storage.path={folder / 'alerts'}",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=warn",
    ]  # fmt: skip
    _place_templates(Path(binary).parents[1] / "share")
    with _server(command, folder / "alertmanager.log", f"http://127.0.0.1:{port}") as url:
        yield url


def _place_templates(share: Path) -> None:
    """Debian's Alertmanager reads two files at the place where its package puts them, and nowhere else."""
    wanted = Path("/usr/share/prometheus/alertmanager")
    if wanted.exists():
        return
    try:
        shutil.copytree(share / "prometheus" / "alertmanager", wanted)
    except OSError as error:
        raise NotToBeHad(
            f"{wanted} cannot be written ({error}); install it: apt-get install prometheus-alertmanager"
        ) from error


@contextmanager
def _server(command: list[str], log: Path, url: str) -> Iterator[str]:
    with _running(command, log, stop=signal.SIGTERM, on_orphaned=signal.SIGKILL):
        _wait_until(lambda: _is_ready(url), Path(command[0]).name, log)
        yield url


def _is_ready(url: str) -> bool:
    import httpx

    try:
        return httpx.get(f"{url}/-/ready", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
