"""What own code leaves where it runs: what is kept of it, and where the next attempt finds it."""

import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.testing.tasks import read_outcome, write_task
from tensorfleet.training import kept_files
from tensorfleet.training.keeping import Keeper
from tensorfleet.training.run import run_task


@pytest.fixture
def store(tmp_path):
    return open_object_store(f"file://{tmp_path / 'objects'}", make=True)


def keeper_of(store, folder, attempt=1, **limits):
    return Keeper(lambda: store, "j-1", attempt, folder, {}, **limits)


def zipped(text):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("data", text)
    return packed.getvalue()


def laid(store, folder):
    folder.mkdir()
    kept = kept_files.find(store, "j-1")
    for name in kept.files:
        kept_files.restore(store, kept, name, folder, lambda: None)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_files_come_back_as_they_were(store, tmp_path, monkeypatch):
    monkeypatch.setattr("tensorfleet.training.keeping.PART_BYTES", 1000)
    folder = tmp_path / "here"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "odd \u2603 name").write_bytes(bytes(range(256)) * 20)
    (folder / "empty").write_bytes(b"")
    (folder / "run.sh").write_text("echo\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("/etc/passwd")
    keeper_of(store, folder).close()
    found = laid(store, tmp_path / "there")
    assert found == {"deep/odd \u2603 name": bytes(range(256)) * 20, "empty": b"", "run.sh": b"echo\n"}
    assert os.access(tmp_path / "there" / "run.sh", os.X_OK)
    assert kept_files.scan(tmp_path / "there") == kept_files.scan(folder), "with their times"


def test_a_file_that_changes_is_kept_anew_and_one_that_goes_is_forgotten(store, tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    keeper = keeper_of(store, folder)
    (folder / "a").write_text("one")
    (folder / "b").write_text("two")
    keeper._look(final=True)
    (folder / "a").write_text("three")
    (folder / "b").unlink()
    keeper._look(final=True)
    assert laid(store, tmp_path / "there") == {"a": b"three"}
    assert len(list(store.list("files/j-1"))) == 2, (
        "the list and one part: nothing is left of what was before"
    )


def test_a_file_that_is_being_written_stays_as_it_was_kept(store, tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    keeper = keeper_of(store, folder)
    (folder / "state.pt").write_bytes(zipped("one"))
    keeper._look(final=False)
    (folder / "state.pt").write_bytes(zipped("two")[:-10])
    keeper._look(final=False)
    assert laid(store, tmp_path / "there") == {"state.pt": zipped("one")}


def test_what_is_too_much_is_named_and_the_rest_is_kept(store, tmp_path, capsys):
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "large").write_bytes(b"x" * 2000)
    (folder / "small").write_bytes(b"x" * 10)
    keeper = keeper_of(store, folder, most_bytes=1000)
    keeper._look(final=True)
    keeper._look(final=True)
    assert laid(store, tmp_path / "there") == {"small": b"x" * 10}
    assert capsys.readouterr().err.count("large (") == 1


def test_the_newest_attempt_counts_and_an_older_one_changes_nothing(store, tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    old, new = keeper_of(store, folder, 1), keeper_of(store, folder, 2)
    (folder / "a").write_text("old")
    old._look(final=True)
    (folder / "a").write_text("newer")
    new._look(final=True)
    assert not list((tmp_path / "objects" / "files" / "j-1" / "1").rglob("*.json"))
    (folder / "a").write_text("of a worker that was lost, and lives")
    old._look(final=True)
    assert laid(store, tmp_path / "there") == {"a": b"newer"}


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/../../out", ""])
def test_a_list_that_leads_out_of_the_folder_is_none(store, name):
    one = {"bytes": 1, "at_ns": 1, "mode": 0o644, "sha256": "0" * 64, "parts": []}
    store.put("files/j-1/1/kept.json", json.dumps({"files": {name: one}}).encode())
    assert kept_files.find(store, "j-1") is None


COUNT = """
import pathlib
count = pathlib.Path("deep/count")
count.parent.mkdir(exist_ok=True)
number = int(count.read_text()) if count.exists() else 0
count.write_text(str(number + 1))
pathlib.Path("settings.json").write_text(str(number))
print("number", number)
"""


def test_the_next_attempt_elsewhere_goes_on_with_the_files(tmp_path, capfd):
    code = {"main.py": COUNT, "settings.json": "as submitted"}
    for attempt in (1, 2, 3):
        task = write_task(tmp_path, code=code, entrypoint="main.py", attempt=attempt)
        assert run_task(task) == 0
        files = {one["path"]: one["bytes"] for one in read_outcome(task)["files"]}
        assert files == {"deep/count": 1, "settings.json": 1}, "also a file of the code that was changed"
    assert [line for line in capfd.readouterr().out.splitlines() if "number" in line] == [
        "number 0",
        "number 1",
        "number 2",
    ]


def test_a_cut_off_snapshot_gives_way_to_the_one_before(tmp_path, capfd):
    """On the same worker, after a kill."""
    script = "import pathlib\nprint('found', len(pathlib.Path('s.pt').read_bytes()) if pathlib.Path('s.pt').exists() else 0)\n"
    home = tmp_path / "job"
    for attempt in (1, 2):
        task = write_task(tmp_path, code={"main.py": script}, entrypoint="main.py", attempt=attempt)
        given = json.loads((task / "task.json").read_text()) | {"job_dir": str(home)}
        (task / "task.json").write_text(json.dumps(given))
        if attempt == 2:
            Path(home / "code" / "s.pt").write_bytes(zipped("whole"))
            store = open_object_store(f"file://{tmp_path / 'objects'}")
            Keeper(lambda: store, "j-test", 1, home / "code", {})._look(final=True)  # noqa: B023
            Path(home / "code" / "s.pt").write_bytes(zipped("whole")[:40])
        assert run_task(task) == 0
    said = capfd.readouterr()
    assert f"found {len(zipped('whole'))}" in said.out
    assert "the version before it is put back" in said.err
