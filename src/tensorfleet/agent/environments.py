"""Environments of jobs on this machine: each is built once, by its content, and kept while there is room.

An environment is a virtual one with the packages that the job names, over those of TensorFleet's own: what is there already
and fits is not installed twice, what the job names wins.  While `uv` resolves, the packages below lie in it as installed, as
far as their descriptions go; afterwards these go again, and one line in a `.pth` file leads to the packages themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import shutil
import signal
import sys
import sysconfig
import time
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import structlog

from tensorfleet.agent import processes
from tensorfleet.agent.requirements import NotReady, Wanted, check_python, why_failed
from tensorfleet.kit.environ import without_secrets
from tensorfleet.kit.files import is_full

BUILD_LIMIT_S = 1800.0
_OURS = "tensorfleet-base"
_TRY = "import tensorfleet.training.run, tensorfleet.training.train"
_FROM_PIP = {
    "UV_FIND_LINKS": "PIP_FIND_LINKS",
    "UV_DEFAULT_INDEX": "PIP_INDEX_URL",
    "SSL_CERT_FILE": "PIP_CERT",
}
Say = Callable[[str], None]
log = structlog.get_logger()


class Environments:
    """Folders below `root`, by digest; at most `most` of them stay that are not in use."""

    def __init__(self, root: Path, mark: Path, most: int) -> None:
        self._root = root
        self._mark = mark
        self._most = most
        self._builds: dict[str, asyncio.Task[None]] = {}
        self._base: list[str] | None = None

    async def ready(
        self, spec: Mapping[str, Any], say: Say, used: Collection[str] = (), waits: Say = lambda digest: None
    ) -> str | None:
        """The digest of the environment that a job runs in, built if need be; None: the agent's own.

        Args:
            say: takes lines for the job's log.
            used: environments that must stay.
            waits: takes the digest, when it is not there yet.

        Raises:
            NotReady: it cannot be had.
        """
        check_python(spec.get("python"), platform.python_version())
        wanted = Wanted.of(spec)
        if wanted is None:
            return None
        if self._base is None:
            self._base = await asyncio.to_thread(_packages)
        digest = wanted.digest(platform.python_version(), self._base)
        if not self._is_built(digest):
            waits(digest)
            build = self._builds.get(digest)
            if build is None:
                build = self._builds[digest] = asyncio.create_task(self._build(digest, wanted, say))
                build.add_done_callback(lambda _: self._builds.pop(digest, None))
            else:
                say(f"environment {digest[:12]}: another job is building it")
            await asyncio.shield(build)
        with contextlib.suppress(OSError):
            os.utime(self._root / digest)
        await asyncio.to_thread(self._collect, {digest, *used, *self._builds})
        return digest

    def python(self, digest: str) -> Path:
        return self._root / digest / "bin" / "python"

    def _is_built(self, digest: str) -> bool:
        return self.python(digest).exists()

    async def close(self) -> None:
        builds = list(self._builds.values())
        for build in builds:
            build.cancel()
        await asyncio.gather(*builds, return_exceptions=True)

    # ---- building ----------------------------------------------------------------------------------------------------

    async def _build(self, digest: str, wanted: Wanted, say: Say) -> None:
        """Builds beside its place and moves it there when it is whole."""
        part = self._root / f".{digest}.part"
        began = time.monotonic()
        say(f"environment {digest[:12]}: building it, {len(wanted.lines)} requirements")
        try:
            await asyncio.to_thread(_clear, part)
            await self._uv(
                say, "venv", "--quiet", "--relocatable", "--python", sys.executable, "--no-project", str(part)
            )
            site = part / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
            await asyncio.to_thread(_lay_descriptions, site)
            lines = part / "requirements.txt"
            lines.write_text("".join(f"{line}\n" for line in wanted.lines))
            words = ["pip", "install", "--python", str(part / "bin" / "python"), "--requirement", str(lines)]
            words += ["--no-deps"] if wanted.exact else []
            await self._uv(say, *words, *(["--require-hashes"] if wanted.exact and wanted.hashed else []))
            await asyncio.to_thread(_lead_below, site)
            await self._try(part)
            part.rename(self._root / digest)
        except OSError as error:
            detail = f"the job's environment could not be written: {error.strerror}"
            raise NotReady("infrastructure" if is_full(error) else "internal", detail) from error
        finally:
            await asyncio.to_thread(shutil.rmtree, part, True)
        say(f"environment {digest[:12]}: built in {time.monotonic() - began:.1f} s")

    async def _uv(self, say: Say, *words: str) -> None:
        from uv import find_uv_bin

        code, said = await self._run(
            find_uv_bin(), "--no-progress", "--color", "never", "--no-python-downloads", *words
        )
        for line in said.splitlines():
            say(f"uv: {line}")
        if code != 0:
            raise why_failed(said, code)

    async def _try(self, part: Path) -> None:
        """Packages that the job names may break those below: better to know it now."""
        code, said = await self._run(str(part / "bin" / "python"), "-c", _TRY)
        if code != 0:
            last = (said.strip().splitlines() or [f"it ended with code {code}"])[-1]
            raise NotReady("user_error", f"TensorFleet cannot run with the job's packages: {last[:400]}")

    async def _run(self, *command: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=_environ() | {processes.MARK: str(self._mark.resolve())},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        processes.wanted.add(process.pid)
        try:
            async with asyncio.timeout(BUILD_LIMIT_S):
                said, _ = await process.communicate()
        except TimeoutError as error:
            detail = f"the job's environment was not built within {BUILD_LIMIT_S:.0f} s"
            raise NotReady("infrastructure", detail) from error
        finally:
            if process.returncode is None:
                processes.signal_group(process.pid, signal.SIGKILL)
                await process.wait()
            processes.wanted.discard(process.pid)
        return process.returncode or 0, said.decode("utf-8", "replace")

    # ---- letting go --------------------------------------------------------------------------------------------------

    def _collect(self, kept: Collection[str]) -> None:
        """Removes those that were not used for the longest time, beyond the bound."""
        found = [
            path for path in self._root.iterdir() if not path.name.startswith(".") and path.name not in kept
        ]
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in found[max(0, self._most - len(kept)) :]:
            log.info("an environment that was not used for long is removed", environment=path.name)
            shutil.rmtree(path, ignore_errors=True)


def _environ() -> dict[str, str]:
    """This process's own, with what `pip` is told by it and `uv` would not read."""
    inherited = without_secrets(os.environ, store_keys=True)  # packages run code when they are built
    env = {key: value for key, value in inherited.items() if key not in ("VIRTUAL_ENV", "PYTHONHOME")}
    for ours, theirs in _FROM_PIP.items():
        if ours not in env and env.get(theirs):
            env[ours] = env[theirs]
    return env


def _clear(part: Path) -> None:
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)


def _below() -> list[Path]:
    """Where the packages of TensorFleet's own Python lie."""
    return [
        Path(path) for path in dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    ]


def _found() -> dict[str, Distribution]:
    known: dict[str, Distribution] = {}
    for one in distributions(path=[str(path) for path in _below()]):
        if one.name:
            known.setdefault(one.name.lower().replace("_", "-"), one)
    return known


def _packages() -> list[str]:
    return [f"{name}=={one.version}" for name, one in _found().items()]


def _lay_descriptions(site: Path) -> None:
    """Makes the packages below look installed here to uv, so that it takes them where they fit."""
    for one in _found().values():
        metadata = one.read_text("METADATA")
        if metadata is None:
            continue
        folder = site / f"{one.name.replace('-', '_')}-{one.version}.dist-info"
        folder.mkdir(exist_ok=True)
        files = {
            "METADATA": metadata,
            "INSTALLER": _OURS,
            "WHEEL": one.read_text("WHEEL") or "Wheel-Version: 1.0\n",
        }
        for name, text in files.items():
            (folder / name).write_text(text)
        (folder / "RECORD").write_text("".join(f"{folder.name}/{name},,\n" for name in (*files, "RECORD")))


def _lead_below(site: Path) -> None:
    """Takes the descriptions away again, and lets Python look below for what is not here."""
    for folder in site.glob("*.dist-info"):
        with contextlib.suppress(OSError):
            if (folder / "INSTALLER").read_text() == _OURS:
                shutil.rmtree(folder)
    lines = (f"import site; site.addsitedir({json.dumps(str(path))})\n" for path in _below())
    (site / "zz_tensorfleet_base.pth").write_text("".join(lines))
