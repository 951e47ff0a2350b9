"""Stacks as two tools tell them, brought into one form."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tensorfleet.agent import stacks

TEXT = """Thread 0x00007f873d1296c0 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 327 in wait
  File "/home/x/site-packages/tqdm/_monitor.py", line 60 in run

Current thread 0x00007f875efc7b80 (most recent call first):
  File "/task/code/a b.py", line 6 in step
  File "<frozen runpy>", line 88 in _run_code
"""


def test_what_faulthandler_writes() -> None:
    main, other = stacks.parse_faulthandler(TEXT)
    assert main == {
        "name": "MainThread",
        "main": True,
        "frames": [
            {"file": "/task/code/a b.py", "line": 6, "function": "step"},
            {"file": "<frozen runpy>", "line": 88, "function": "_run_code"},
        ],
    }
    assert [frame["function"] for frame in other["frames"]] == ["wait", "run"]
    assert not other["main"]


def test_without_a_current_thread_the_oldest_is_the_main_one() -> None:
    first, second = stacks.parse_faulthandler(TEXT.replace("Current thread", "Thread"))
    assert first["main"]
    assert first["frames"][0]["function"] == "step"
    assert not second["main"]


@pytest.mark.parametrize("text", ["", "no stacks", '  File "x", line 1 in f\n', "Thread 0x1\n  ...\n"])
def test_torn_text_is_no_error(text: str) -> None:
    assert all(not thread["frames"] for thread in stacks.parse_faulthandler(text))


def test_what_py_spy_tells() -> None:
    frame = {"name": "f", "filename": "/a.py", "line": 3, "locals": None}
    found = [
        {"pid": 5, "os_thread_id": 6, "thread_name": None, "frames": []},
        {"pid": 5, "os_thread_id": 5, "thread_name": "MainThread", "frames": [frame] * 100},
    ]
    main, other = stacks.parse_py_spy(found)
    assert main["main"]
    assert main["frames"][0] == {"file": "/a.py", "line": 3, "function": "f"}
    assert len(main["frames"]) == stacks.MOST_FRAMES
    assert other == {"name": "", "main": False, "frames": []}


def described(file: Path | str, line: int, code: Path) -> dict[str, object]:
    thread = {"name": "", "main": True, "frames": [{"file": str(file), "line": line, "function": "f"}]}
    found: dict[str, object] = stacks._described([thread], code)[0]["frames"][0]
    return found


def test_own_code_has_its_source_line_and_a_short_path(tmp_path: Path) -> None:
    code = tmp_path / "code"
    (code / "pkg").mkdir(parents=True)
    (code / "pkg" / "m.py").write_text("a = 1\n    time.sleep(3)  \n")
    found = described(code / "pkg" / "m.py", 2, code)
    assert found == {
        "file": "pkg/m.py",
        "line": 2,
        "function": "f",
        "own": True,
        "source": "time.sleep(3)",
    }
    assert described(code / "pkg" / "m.py", 99, code)["source"] == ""
    assert described(code / "gone.py", 1, code)["source"] == ""


def test_a_file_outside_of_the_code_is_not_read(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (tmp_path / "secret").write_text("secret\n")
    (code / "link.py").symlink_to(tmp_path / "secret")
    for file in (code / "link.py", code / ".." / "secret"):
        assert "source" not in described(file, 1, code)


def test_a_pipe_in_the_code_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    assert described(tmp_path / "pipe.py", 1, tmp_path)["source"] == ""


@pytest.mark.parametrize(
    ("file", "short"),
    [
        ("/opt/v/lib/python3.11/site-packages/torch/nn/m.py", "torch/nn/m.py"),
        ("/usr/lib/python3.11/threading.py", "threading.py"),
        (str(Path(stacks.__file__)), "tensorfleet/agent/stacks.py"),
        ("<frozen runpy>", "<frozen runpy>"),
    ],
)
def test_paths_of_libraries_are_told_without_where_they_are_installed(
    file: str, short: str, tmp_path: Path
) -> None:
    assert described(file, 1, tmp_path)["file"] == short
