"""What a backup holds, what comes back, and what is refused."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import stat
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tensorfleet.errors import Conflict, DataInvalid, InvalidInput, StorageFull, TensorFleetError, Unavailable
from tensorfleet.settings import load_settings
from tensorfleet.supervisor import archive, backup, dumps
from tensorfleet.supervisor.lock import HomeLock

KEPT = {
    "objects/datasets/d/1": b"rows",
    "objects/models/m": b"\x00" * 3_000_000,
    "token": b"secret",
    "tensorfleet.yaml": b"workers: 3\n",
    "pki/authority/authority.json": b"{}",
    "agent/worker-id": b"w-1",
    "agent/identity.json": b"{}",
    "something/new": b"of a later version",
}
NOT_KEPT = {
    "logs/gateway.log": b"x",
    "agent/tasks/1/log": b"x",
    "agent/cache/y": b"x",
    "run/up.lock": b"",
    "address.json": b"{}",
    "uploads/u": b"x",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home as it lies there while the platform runs: what was written last is in the -wal alone."""
    home = tmp_path / "home"
    for name, data in (KEPT | NOT_KEPT).items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return home


@pytest.fixture
def live(home: Path) -> Any:
    with closing(sqlite3.connect(home / "tensorfleet.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE jobs (id TEXT)")
        connection.execute("INSERT INTO jobs VALUES ('j-1')")
        connection.commit()
        yield connection


def make(home: Path, target: Path, **options: Any) -> backup.Made:
    return backup.back_up(load_settings(home=home), target, **options)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", ["copy", "copy.tar.zst"])
@pytest.mark.usefixtures("live")
def test_what_is_restored_is_what_was_there(home: Path, tmp_path: Path, name: str) -> None:
    made = make(home, tmp_path / name)
    assert made.outside == {}
    assert (tmp_path / name).stat().st_mode & 0o077 == 0, "nobody else reads the keys in it"
    listed = backup.restore(tmp_path / name, tmp_path / "new")
    assert listed["files"].keys() == made.files.keys()
    found = files_of(tmp_path / "new")
    with closing(sqlite3.connect(tmp_path / "new/tensorfleet.db")) as connection:
        assert connection.execute("SELECT id FROM jobs").fetchall() == [("j-1",)]
    del found["tensorfleet.db"]
    assert found == KEPT
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert names(tmp_path) == sorted(["home", name, "new"]), "nothing else is left"


def test_without_secrets(home: Path, tmp_path: Path) -> None:
    made = make(home, tmp_path / "copy", secrets=False)
    assert {"home/objects/models/m", "home/agent/worker-id"} <= made.files.keys()
    for word in ("token", "pki", "identity", "yaml"):
        assert not [name for name in made.files if word in name]


def test_what_lies_elsewhere_is_named(home: Path, tmp_path: Path) -> None:
    url = "s3://bucket/prefix?endpoint=http://h:1"
    settings = load_settings(home=home, object_store_url=url, mlflow_url="http://user:word@mlflow:5000")
    made = backup.back_up(settings, tmp_path / "copy")
    assert made.outside == {"object_store_url": "s3://bucket/prefix", "mlflow_url": "http://mlflow:5000"}
    other = load_settings(home=home, object_store_url=f"file://{tmp_path}/disk")
    assert list(backup.back_up(other, tmp_path / "copy2").outside) == ["object_store_url"]


def test_what_comes_while_it_is_made_is_in_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, live: Any
) -> None:
    """A row that the copy of the database has must not name an object that the backup has not."""
    copy_sqlite = dumps.copy_sqlite

    def copy(source: Path, target: Path) -> None:
        (home / "objects/late").write_bytes(b"late")
        copy_sqlite(source, target)

    monkeypatch.setattr(dumps, "copy_sqlite", copy)
    assert "home/objects/late" in make(home, tmp_path / "copy.tar.zst").files


@pytest.mark.parametrize("name", ["copy.tar.gz", "copy.zip", "copy.zst"])
def test_other_forms_are_refused(home: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match=r"folder or a file"):
        make(home, tmp_path / name)


def test_wrong_places_are_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    for target, word in ((tmp_path / "taken", "there already"), (home / "copy", "in the home itself")):
        with pytest.raises(InvalidInput, match=word):
            make(home, target)
    with pytest.raises(InvalidInput, match="no platform"):
        make(tmp_path / "none", tmp_path / "copy")
    with pytest.raises(InvalidInput, match="no backup"):
        backup.restore(tmp_path / "nothing", tmp_path / "new")


def test_a_failed_one_leaves_nothing(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = names(tmp_path)

    def no_dump(url: str, target: Path) -> None:
        raise Unavailable("pg_dump is not installed here")

    monkeypatch.setattr(dumps, "dump_postgres", no_dump)
    settings = load_settings(home=home, database_url="postgresql://h/n")
    for name in ("copy", "copy.tar.zst"):
        with pytest.raises(Unavailable):
            backup.back_up(settings, tmp_path / name)
    assert names(tmp_path) == before


def test_only_a_new_home_is_filled(home: Path, tmp_path: Path) -> None:
    make(home, tmp_path / "copy")
    with pytest.raises(Conflict, match="is not empty"):
        backup.restore(tmp_path / "copy", home)
    (tmp_path / "file").touch()
    with pytest.raises(Conflict, match="is not empty"):
        backup.restore(tmp_path / "copy", tmp_path / "file")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(Conflict, match="is not empty"):
        backup.restore(tmp_path / "copy", tmp_path / "link")
    run_dir = load_settings(home=home).run_dir
    run_dir.mkdir(parents=True, exist_ok=True)
    lock = HomeLock(run_dir)
    lock.acquire()
    with pytest.raises(Conflict, match="a platform runs"):
        backup.restore(tmp_path / "copy", home)
    os.close(lock._descriptor or -1)
    (tmp_path / "empty").mkdir()
    backup.restore(tmp_path / "copy", tmp_path / "empty")


def test_the_kind_of_database_has_to_fit(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(home, tmp_path / "copy")
    monkeypatch.setenv("TENSORFLEET_DATABASE_URL", "postgresql://h/n")
    with pytest.raises(InvalidInput, match="database is SQLite"):
        backup.restore(tmp_path / "copy", tmp_path / "new")
    assert not (tmp_path / "new").exists()


# ---- damaged and hostile ones ------------------------------------------------------------------------------------------


def listed(files: dict[str, bytes], **changed: Any) -> bytes:
    facts = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
    }
    return json.dumps({"format": 1, "made_at": "x", "outside": {}, "files": facts} | changed).encode()


def packed(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with (
        pa.output_stream(str(path), compression="zstd") as stream,
        tarfile.open(fileobj=stream, mode="w|") as tar,
    ):
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    return found


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/tmp/evil",
        "home/../../evil",
        "home/./x",
        "home//x",
        "..",
        ".",
        "home/x/",
        "other/x",
        "home",
    ],
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    source = packed(tmp_path / "b.tar.zst", [(info(name), b"x"), (info(archive.LIST), listed({name: b"x"}))])
    with pytest.raises(DataInvalid):
        backup.restore(source, tmp_path / "deep/new")
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "deep/evil").exists()
    assert list((tmp_path / "deep").iterdir()) == []


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE]
)
def test_only_plain_files_are_unpacked(tmp_path: Path, kind: bytes) -> None:
    members = [(info("home/x", kind, "/etc"), b""), (info("home/x/passwd"), b"x")]
    source = packed(tmp_path / "b.tar.zst", [*members, (info(archive.LIST), listed({}))])
    with pytest.raises(DataInvalid, match="no plain file"):
        backup.restore(source, tmp_path / "new")
    assert names(tmp_path) == ["b.tar.zst"]


def test_a_link_in_a_folder_is_refused(tmp_path: Path, home: Path) -> None:
    make(home, tmp_path / "copy")
    (tmp_path / "copy/home/objects/link").symlink_to("/etc")
    with pytest.raises(DataInvalid, match="no plain file"):
        backup.restore(tmp_path / "copy", tmp_path / "new")


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"{", "cannot be read"),
        (b"[]", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (json.dumps({"files": []}).encode(), "cannot be read"),
        (listed({"home/a": b"a"}, format=2), "newer version"),
        (listed({}), "not in its list"),
        (listed({"home/a": b"a", "home/b": b"b"}), "missing"),
        (listed({"home/a": b"b"}), "not what was backed up"),
        (listed({"home/a": b"aa"}), "not what was backed up"),
    ],
)
def test_the_list_decides(tmp_path: Path, data: bytes, word: str) -> None:
    source = packed(tmp_path / "b.tar.zst", [(info("home/a"), b"a"), (info(archive.LIST), data)])
    with pytest.raises(DataInvalid, match=word):
        backup.restore(source, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_a_folder_too(tmp_path: Path) -> None:
    members = [(info("home/a"), b"a"), (info("home/a/b"), b"b"), (info(archive.LIST), listed({}))]
    with pytest.raises(DataInvalid, match="a file and a folder"):
        backup.restore(packed(tmp_path / "b.tar.zst", members), tmp_path / "new")


@pytest.mark.parametrize("kept", [0, 10, 1000, -1])
def test_one_that_was_cut_off(tmp_path: Path, home: Path, kept: int) -> None:
    (home / "objects/noise").write_bytes(os.urandom(20_000))
    make(home, tmp_path / "copy.tar.zst")
    whole = (tmp_path / "copy.tar.zst").read_bytes()
    (tmp_path / "cut.tar.zst").write_bytes(whole[:kept])
    with pytest.raises(DataInvalid):
        backup.restore(tmp_path / "cut.tar.zst", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_each_changed_byte_is_noticed(tmp_path: Path, home: Path) -> None:
    make(home, tmp_path / "copy")
    path = tmp_path / "copy/home/objects/models/m"
    data = bytearray(path.read_bytes())
    data[1_500_000] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataInvalid, match="objects/models/m"):
        backup.restore(tmp_path / "copy", tmp_path / "new")


def test_it_does_not_fill_the_disk(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(home, tmp_path / "copy.tar.zst")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=archive.ROOM_BYTES + 1_000_000))
    with pytest.raises(StorageFull):
        backup.restore(tmp_path / "copy.tar.zst", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_pg_dump_says_is_told_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pg_dump").write_text(
        '#!/bin/sh\necho "$@" >&2; [ "$PGPASSWORD" = word ] || exit 0; exit 1\n'
    )
    (tmp_path / "pg_dump").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(Unavailable, match="host=db") as caught:
        dumps.dump_postgres("postgresql+psycopg://user:word@db/name", tmp_path / "x")
    assert "word" not in str(caught.value).replace("--no-pass", "")
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(Unavailable, match="pg_dump is not installed"):
        dumps.dump_postgres("postgresql://db/name", tmp_path / "x")
    assert issubclass(Unavailable, TensorFleetError)
