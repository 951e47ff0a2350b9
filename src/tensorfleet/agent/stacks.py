"""Where the threads of a task stand, asked from outside: the task itself has to do nothing, for it may be stuck anywhere.

py-spy reads the interpreter's own structures in the process's memory, where the system permits that; else a signal has
faulthandler write the stacks into the task's folder.  Both work while native code holds the interpreter's lock.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from tensorfleet.training.context import load_context
from tensorfleet.training.pulse import STACKS_FILE, STACKS_SIGNAL

LIMIT_S = 2.5
"""For all processes of a task; those whose turn does not come are listed without threads."""
PY_SPY_LIMIT_S = 2.0
SIGNAL_LIMIT_S = 1.0
SETTLED_S = 0.05
MOST_PROCESSES = 32
MOST_THREADS = 24
MOST_FRAMES = 48
MOST_SOURCE_BYTES = 4 * 1024**2
_PACKAGE = str(Path(__file__).resolve().parent.parent)
_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')
_LIBRARIES = re.compile(r".*/(?:site-packages|dist-packages|lib/python3\.\d+)/")

Thread = dict[str, Any]
"""`{"name", "main", "frames": [{"file", "line", "function", "own", "source"}]}`, the innermost frame first."""


def collect(pid: int, task_dir: Path) -> list[dict[str, Any]]:
    """The stacks of a task's process and of those that it started: `[{"pid", "name", "state", "how", "threads"}]`.

    Takes fractions of a second as a rule, a few seconds at worst.  A process that cannot be read is listed without threads.
    """
    deadline = time.monotonic() + LIMIT_S
    return [_of_process(process, task_dir, deadline) for process in _family(pid)]


def _family(pid: int) -> Iterator[psutil.Process]:
    try:
        task = psutil.Process(pid)
        yield task
        yield from task.children(recursive=True)[: MOST_PROCESSES - 1]
    except psutil.Error:
        return


def _of_process(process: psutil.Process, task_dir: Path, deadline: float) -> dict[str, Any]:
    found: dict[str, Any] = {"pid": process.pid, "name": "", "state": "", "how": "none", "threads": []}
    with contextlib.suppress(psutil.Error):
        found |= {"name": process.name()[:100], "state": process.status()}
    for how, ask in (("py-spy", _by_py_spy), ("faulthandler", _by_signal)):
        threads = ask(process.pid, task_dir) if time.monotonic() < deadline else []
        if threads:
            return found | {"how": how, "threads": _described(threads[:MOST_THREADS], _code_of(task_dir))}
    return found


def _code_of(task_dir: Path) -> Path:
    """Where the task's own code lies."""
    try:
        return load_context(task_dir).code_dir
    except (OSError, ValueError, KeyError):
        return task_dir / "code"


def _by_py_spy(pid: int, task_dir: Path) -> list[Thread]:
    program = Path(sys.executable).parent / "py-spy"
    if not program.exists():
        return []
    # It does not stop the process: that would disturb what it is in the middle of, and needs more rights.
    command = (str(program), "dump", "--pid", str(pid), "--json", "--nonblocking")
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=PY_SPY_LIMIT_S, stdin=subprocess.DEVNULL, check=True
        )
        return parse_py_spy(json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return []


def parse_py_spy(found: list[dict[str, Any]]) -> list[Thread]:
    """Threads as `py-spy dump --json` tells them, the main one first."""
    threads: list[Thread] = []
    for thread in found:
        frames = [
            {"file": frame["filename"], "line": int(frame["line"]), "function": frame["name"]}
            for frame in thread["frames"][:MOST_FRAMES]
        ]
        main = thread["os_thread_id"] == thread["pid"] or thread["thread_name"] == "MainThread"
        threads.append({"name": thread["thread_name"] or "", "main": main, "frames": frames})
    return sorted(threads, key=lambda thread: not thread["main"])


def _by_signal(pid: int, task_dir: Path) -> list[Thread]:
    if not _answers_the_signal(pid):
        return []
    path = task_dir / STACKS_FILE
    try:
        begin = path.stat().st_size
        os.kill(pid, STACKS_SIGNAL)  # type: ignore[arg-type]
        with path.open("rb") as file:
            file.seek(begin)
            return parse_faulthandler(_until_quiet(file).decode("utf-8", "replace"))
    except OSError:
        return []


def _answers_the_signal(pid: int) -> bool:
    """Whether the process has a handler: one without would be killed by the signal."""
    if STACKS_SIGNAL is None:
        return False
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (STACKS_SIGNAL - 1) & 1)


def _until_quiet(file: Any) -> bytes:
    """What is appended to the file, until nothing comes any more: the handler does not say when it is done."""
    data = b""
    began = grown = time.monotonic()
    while time.monotonic() - began < SIGNAL_LIMIT_S and (not data or time.monotonic() - grown < SETTLED_S):
        if more := file.read(1 << 16):
            data += more
            grown = time.monotonic()
        else:
            time.sleep(0.005)
    return data


def parse_faulthandler(text: str) -> list[Thread]:
    """Threads as faulthandler writes them, the main one first.

    A signal to the process goes to its main thread, which is therefore the current one; else the one that is oldest, the last.
    """
    threads: list[Thread] = []
    for line in text.splitlines():
        if line.startswith(("Thread 0x", "Current thread 0x")):
            threads.append({"name": "", "main": line.startswith("Current"), "frames": []})
        elif threads and (match := _FRAME.match(line)) and len(threads[-1]["frames"]) < MOST_FRAMES:
            frame = {"file": match[1], "line": int(match[2]), "function": match[3]}
            threads[-1]["frames"].append(frame)
    if threads and not any(thread["main"] for thread in threads):
        threads[-1]["main"] = True
    for thread in threads:
        thread["name"] = "MainThread" if thread["main"] else ""
    return sorted(threads, key=lambda thread: not thread["main"])


def _described(threads: list[Thread], code: Path) -> list[Thread]:
    """Adds to each frame whether it is the job's own code, with its source line then, and shortens its path."""
    root = f"{code.resolve()}/"
    for thread in threads:
        for frame in thread["frames"]:
            file = frame["file"]
            inside = os.path.realpath(file) if file.startswith("/") else ""
            frame["own"] = inside.startswith(root)
            if frame["own"]:
                frame["source"] = _source_line(inside, frame["line"])
                frame["file"] = inside.removeprefix(root)
            else:
                frame["file"] = _short(file)
    return threads


def _source_line(file: str, number: int) -> str:
    try:
        about = Path(file).stat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > MOST_SOURCE_BYTES:
            return ""
        with Path(file).open(errors="replace") as lines:
            return next(islice(lines, number - 1, None), "").strip()[:200]
    except (OSError, ValueError):
        return ""


def _short(file: str) -> str:
    if file.startswith(f"{_PACKAGE}/"):
        return "tensorfleet" + file.removeprefix(_PACKAGE)
    return _LIBRARIES.sub("", file)[-300:]
