"""A user's own code in a task."""

import io
import tarfile

import pytest

from tensorfleet.testing.tasks import read_outcome, write_task
from tensorfleet.training.run import run_task


def _run(folder, entrypoint, code, **spec):
    task_dir = write_task(folder, code=code, entrypoint=entrypoint, **spec)
    return run_task(task_dir), read_outcome(task_dir)


def test_a_script_runs_in_its_own_folder(tmp_path):
    script = """
import os, sys
from helper import double
from tensorfleet import train
assert __name__ == "__main__" and os.path.exists("helper.py") and sys.argv == [os.path.abspath("train.py")]
train.report(step=1, loss=double(train.params()["x"]))
train.report(step=2, other=1)
"""
    code = {"sub/train.py": script, "sub/helper.py": "def double(x): return 2 * x"}
    exit_code, outcome = _run(tmp_path, "sub/train.py", code, hyperparameters={"x": 4})
    assert exit_code == 0
    assert len(outcome.pop("provenance")) == 64
    assert outcome == {
        "status": "succeeded",
        "metrics": {"loss": 8, "other": 1},
        "evaluation": {},
        "model": None,
        "files": [],
    }


@pytest.mark.parametrize("signature", ["", "params"])
def test_a_function_is_called_with_or_without_parameters(tmp_path, signature):
    name = f"own_code_{signature or 'plain'}"
    body = f"from tensorfleet import train\ndef go({signature}):\n    train.report(x={signature or 'train.params()'}['x'])"
    code = {f"{name}/__init__.py": "", f"{name}/main.py": body}
    _, outcome = _run(tmp_path, f"{name}.main:go", code, hyperparameters={"x": 4})
    assert outcome["metrics"] == {"x": 4}


@pytest.mark.parametrize(
    ("script", "exit_code", "kind", "message"),
    [
        (
            "def f():\n    raise ValueError('bad shape')\nf()",
            1,
            "user_error",
            "ValueError: bad shape (train.py:2)",
        ),
        ("import no_such_library", 1, "user_error", "No module named 'no_such_library' (train.py:1)"),
        ("x = (", 1, "user_error", "SyntaxError"),
        ("raise MemoryError", 1, "out_of_memory", "memory ran out"),
        ("import sys; sys.exit(3)", 3, "user_error", "exited with code 3"),
        ("import sys; sys.exit('no data')", 1, "user_error", "no data"),
        (
            "from tensorfleet import train\ntrain.save(object())",
            1,
            "user_error",
            "which a checkpoint cannot hold",
        ),
        ("from tensorfleet import train\ntrain.dataset()", 1, "user_error", "this job has no dataset"),
    ],
)
def test_errors_are_told_in_a_sentence(tmp_path, script, exit_code, kind, message):
    code, outcome = _run(tmp_path, "train.py", {"train.py": script})
    assert (code, outcome["status"], outcome["class"]) == (exit_code, "failed", kind)
    assert message in outcome["message"]
    assert "\n" not in outcome["message"]
    assert "runpy" not in outcome["traceback"]


def test_exit_code_zero_is_success(tmp_path):
    code, outcome = _run(tmp_path, "train.py", {"train.py": "import sys; sys.exit(0)"})
    assert (code, outcome["status"]) == (0, "succeeded")


@pytest.mark.parametrize(
    ("entrypoint", "message"),
    [
        ("missing.py", "it has other.py"),
        ("../../task.json.py", "is not in the code"),
        ("nothing:go", "there is no module 'nothing'"),
        ("other:go", "has no function 'go'"),
    ],
)
def test_an_entrypoint_that_is_not_there(tmp_path, entrypoint, message):
    _, outcome = _run(tmp_path, entrypoint, {"other.py": "x = 1"})
    assert outcome["class"] == "user_error"
    assert message in outcome["message"]


def _archive(member, content=b""):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _link(kind, target="/etc/passwd"):
    member = tarfile.TarInfo("train.py")
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "archive",
    [
        _archive(tarfile.TarInfo("../escaped.py"), b"x"),
        _archive(_link(tarfile.SYMTYPE)),
        _archive(_link(tarfile.SYMTYPE, "inside.py")),
        _archive(_link(tarfile.LNKTYPE)),
        _archive(_link(tarfile.FIFOTYPE)),
        _archive(_link(tarfile.CHRTYPE)),
        _archive(_link(tarfile.BLKTYPE)),
        _archive(tarfile.TarInfo("a/../../escaped.py"), b"x"),
        _archive(tarfile.TarInfo("train.py"), b"x")[:-20],
        b"not an archive",
    ],
)
def test_hostile_archives_are_refused(tmp_path, archive):
    code, outcome = _run(tmp_path, "train.py", archive)
    assert (code, outcome["class"]) == (1, "user_error")
    assert outcome["message"].startswith(("the code holds", "the code cannot be unpacked"))
    assert not list(tmp_path.rglob("escaped.py"))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_name_without_end_is_not_read_into_memory(tmp_path, kind):
    """A few kilobytes of an archive that claim, and hold, a header of hundreds of megabytes."""
    member = tarfile.TarInfo("long")
    member.type = kind
    _, outcome = _run(tmp_path, "train.py", _archive(member, bytes(32 * 1024**2)))
    assert outcome["class"] == "user_error"
    assert "attributes of more than 1 MiB" in outcome["message"]


@pytest.mark.parametrize(("limit", "most"), [("MOST_BYTES", 100), ("MOST_FILES", 0)])
def test_an_archive_that_unpacks_to_too_much(tmp_path, monkeypatch, limit, most):
    monkeypatch.setattr(f"tensorfleet.training.archive.{limit}", most)
    _, outcome = _run(tmp_path, "train.py", _archive(tarfile.TarInfo("train.py"), b" " * 101))
    assert outcome["class"] == "user_error"
    assert "unpacks to more than" in outcome["message"]


def test_an_absolute_path_stays_inside(tmp_path):
    outside = tmp_path / "outside.py"
    _run(tmp_path, "train.py", _archive(tarfile.TarInfo(str(outside)), b"x"))
    assert not outside.exists()
