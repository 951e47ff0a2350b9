"""The packages that own code needs, read from the file in its folder that names them."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from tensorfleet.errors import FieldError, InvalidInput, SpecInvalid

MOST_BYTES = 4 * 1024**2
UV_LOCK = "uv.lock"
EXPORT_LIMIT_S = 60.0


def read_requirements(spec: dict[str, Any], folder: Path) -> None:
    """Puts the lines of the file that `requirements` or `lock` names in the place of its name.

    Raises:
        SpecInvalid: there is no such file in the folder, both are given, or it cannot be read.
    """
    named, lock = spec.get("requirements"), spec.get("lock")
    if lock is not None and named:
        raise _wrong("lock", "write either requirements or lock, and not both")
    if isinstance(named, str):
        spec["requirements"] = _lines_of("requirements", _inside("requirements", folder, named))
    if isinstance(lock, str):
        path = _inside("lock", folder, lock)
        if path.name == UV_LOCK:
            spec["requirements"] = _exported(path.parent)
            wanted = _requires_python(path.parent)
            if wanted:
                spec.setdefault("python", wanted)
        else:
            spec["requirements"] = _lines_of("lock", path)


def _wrong(field: str, message: str) -> SpecInvalid:
    return SpecInvalid([FieldError(field, message)])


def _inside(field: str, folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise _wrong(field, f"there is no file '{name[:200]}' in the code folder {folder}")
    if path.stat().st_size > MOST_BYTES:
        raise _wrong(field, f"{name} is larger than {MOST_BYTES // 1024**2} MiB; it is no list of packages")
    return path


def _lines_of(field: str, path: Path) -> list[str]:
    try:
        text = path.read_text()
    except UnicodeDecodeError as error:
        raise _wrong(field, f"{path.name} is not UTF-8 text") from error
    return _packages(text)


def _packages(text: str) -> list[str]:
    """The lines that name packages, with their hashes: without comments, and those that say only where from uv exported them."""
    joined = re.sub(r"[ \t]*\\\r?\n\s*", " ", text)
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def _exported(project: Path) -> list[str]:
    """What a `uv.lock` holds, as uv itself reads it; the project's own package is the code, and is not installed."""
    from uv import find_uv_bin

    words = ("export", "--frozen", "--no-emit-workspace", "--no-header", "--no-dev", "--quiet")
    command = [find_uv_bin(), *words, "--color", "never", "--no-python-downloads", "--project", str(project)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=EXPORT_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InvalidInput(f"lock: uv could not read {project / UV_LOCK}: {error}") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split()).removeprefix("error: ")
        raise _wrong("lock", f"uv cannot read {project / UV_LOCK}: {said[:400]}")
    return _packages(done.stdout)


def _requires_python(project: Path) -> str | None:
    try:
        found = tomllib.loads((project / "pyproject.toml").read_text())
        return str(found["project"]["requires-python"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
