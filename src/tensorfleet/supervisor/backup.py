"""Backs a platform up, while it runs or not, and restores it into a new home."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tensorfleet import __version__
from tensorfleet.audit.anchors import FOLDER as ANCHORS
from tensorfleet.errors import Conflict, DataInvalid, InvalidInput, StorageFull
from tensorfleet.kit.clock import Clock, rfc3339, utc_now
from tensorfleet.kit.files import is_full
from tensorfleet.settings import Settings, load_settings
from tensorfleet.supervisor import archive, dumps
from tensorfleet.supervisor.lock import HomeLock

LEFT_OUT = frozenset(
    {
        "address.json", "agent/cache", "agent/environments", "agent/tasks", "cache", "fleet", "logs", "run", "uploads", "work",
    }
)  # fmt: skip
"""Of a home: what is of use only while it runs, and what is made anew."""
SECRET = frozenset(
    {"token", "secrets.key", "tensorfleet.yaml", "pki", "agent/identity.json", "agent/joined.json"}
)
"""Left out too where the backup is to have no secrets; its home is then another platform to clients and machines."""
OBJECTS = "objects"
HOME, DATABASE, TRACKING = "home/", "database.dump", "mlflow.dump"


@dataclass
class Made:
    """What a backup has: `files` by name with size and checksum, `outside` what it has not, by the names of settings."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(one["size"] for one in self.files.values())


def back_up(settings: Settings, target: Path, *, secrets: bool = True, clock: Clock = utc_now) -> Made:
    """Writes a backup of the home, and of the databases if they are PostgreSQL.

    Raises:
        InvalidInput: there is no platform in the home, or the target cannot be one.
        Unavailable: a database cannot be copied.
        StorageFull: no space is left.
    """
    home, target = settings.home.resolve(), target.absolute()
    if not home.is_dir() or not any(home.iterdir()):
        raise InvalidInput(f"there is no platform in '{home}' that could be backed up")
    if target.resolve().is_relative_to(home):
        raise InvalidInput(f"'{target}' is in the home itself; a backup belongs on another disk")
    made = Made(outside=_outside(settings, home))
    try:
        with archive.writing(target) as sink, tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            _Copying(settings, home, sink, Path(scratch), made, secrets).run()
            listed = {
                "format": 1,
                "made_at": rfc3339(clock()),
                "version": __version__,
                "secrets": secrets,
                "outside": made.outside,
                "files": made.files,
            }
            data = json.dumps(listed).encode()
            archive.add_bytes(sink, archive.LIST, data)
    except OSError as error:
        if is_full(error):
            raise StorageFull(f"no space is left for the backup in '{target.parent}'") from error
        raise
    return made


def _outside(settings: Settings, home: Path) -> dict[str, str]:
    """Where data lies that is not in the home, without passwords."""
    found = {}
    for name, url in (
        ("database_url", settings.database),
        ("object_store_url", settings.objects),
        ("mlflow_url", settings.mlflow),
    ):
        scheme, _, path = url.partition("://")
        here = scheme in ("sqlite", "file") and Path(
            path if scheme == "file" else path[1:]
        ).resolve().is_relative_to(home)
        if not here and not (name != "object_store_url" and dumps.is_postgres(url)):
            found[name] = f"{scheme}://{path.rpartition('@')[2].partition('?')[0]}"
    return found


class _Copying:
    """Objects, databases, then what objects have come meanwhile: so that each that a row names is there."""

    def __init__(
        self, settings: Settings, home: Path, sink: archive.Sink, scratch: Path, made: Made, secrets: bool
    ) -> None:
        self._settings = settings
        self._home = home
        self._sink = sink
        self._scratch = scratch
        self._made = made
        self._skipped = LEFT_OUT if secrets else LEFT_OUT | SECRET
        self._seen: dict[Path, tuple[int, int]] = {}

    def run(self) -> None:
        self._objects()
        urls = [url for url in (self._settings.database, self._settings.mlflow) if dumps.is_postgres(url)]
        for name, url in zip((DATABASE, TRACKING), dict.fromkeys(urls), strict=False):
            copy = self._scratch / name
            dumps.dump_postgres(url, copy)
            self._add(name, copy)
        for path in self._rest():
            name = HOME + path.relative_to(self._home).as_posix()
            if dumps.is_sqlite(path):
                copy = self._scratch / "copy.db"
                dumps.copy_sqlite(path, copy)
                self._add(name, copy)
                copy.unlink()
            else:
                self._add(name, path)
        # An anchor of the audit log that is newer than the copied log would say that its end was cut off.
        self._objects(without=self._home / OBJECTS / ANCHORS)

    def _objects(self, without: Path | None = None) -> None:
        for path in _files_below(self._home / OBJECTS):
            if without is not None and path.is_relative_to(without):
                continue
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            facts = (status.st_mtime_ns, status.st_size)
            if self._seen.get(path) != facts:
                self._seen[path] = facts
                self._add(HOME + path.relative_to(self._home).as_posix(), path)

    def _rest(self) -> Iterator[Path]:
        """What else belongs to the home, databases first: they are to be of one moment, as far as that goes."""
        found = [
            path
            for path in _files_below(self._home, self._skipped | {OBJECTS})
            if not path.name.endswith((*dumps.BESIDE, ".part"))
        ]
        return iter(sorted(found, key=lambda path: (path.suffix != ".db", path)))

    def _add(self, name: str, path: Path) -> None:
        try:
            source = path.open("rb")
        except FileNotFoundError:
            return  # it went meanwhile, as temporary files do
        with source:
            size = os.fstat(source.fileno()).st_size
            reader = archive.Hashed(source, size)
            self._sink.add(name, reader, size)
        if reader.left:
            raise Conflict(f"'{path}' was cut off while it was copied; try again")
        self._made.files[name] = {"size": size, "sha256": reader.sha256}


def _files_below(folder: Path, skipped: frozenset[str] = frozenset()) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        here = Path(root)
        folders[:] = [name for name in folders if (here / name).relative_to(folder).as_posix() not in skipped]
        for name in files:
            path = here / name
            if (
                path.relative_to(folder).as_posix() not in skipped
                and path.is_file()
                and not path.is_symlink()
            ):
                yield path


def restore(source: Path, home: Path) -> dict[str, Any]:
    """Makes a home of a backup, and fills the database if that is PostgreSQL; returns what the backup says of itself.

    Raises:
        Conflict: a platform runs on the home, the home is not empty, or the database is not.
        InvalidInput: there is no such backup, or its database is of another kind than the one that is set.
        DataInvalid: the backup is damaged or hostile.
        StorageFull: no space is left.
    """
    home = home.absolute()
    _check_free(home)
    home.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{home.name}.", suffix=".part", dir=home.parent))
    try:
        listed = archive.unpack(source, part)
        for name in listed["files"]:
            if not name.startswith(HOME) and name not in (DATABASE, TRACKING):
                raise DataInvalid(f"'{name[:200]}' in the backup is nothing that belongs to a platform")
        (part / HOME).mkdir(exist_ok=True)
        (part / HOME).chmod(0o700)
        _load_databases(part, load_settings(home=part / HOME))
        os.sync()
        _check_free(home)
        if home.exists():
            home.rmdir()
        (part / HOME).rename(home)
    except OSError as error:
        if is_full(error):
            raise StorageFull(f"no space is left in '{home.parent}'") from error
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return listed


def _check_free(home: Path) -> None:
    if home.is_dir() and HomeLock(load_settings(home=home).run_dir).holder() is not None:
        raise Conflict(
            f"a platform runs on '{home}'; stop it with `tensorfleet down`, and restore into another home"
        )
    if home.is_symlink() or (home.exists() and (not home.is_dir() or any(home.iterdir()))):
        raise Conflict(f"'{home}' is not empty; restore into a home that is not there yet")


def _load_databases(part: Path, settings: Settings) -> None:
    dumped = (part / DATABASE).exists()
    if dumped != dumps.is_postgres(settings.database):
        there, wanted = ("PostgreSQL", "an empty one") if dumped else ("SQLite", "none")
        raise InvalidInput(f"the backup's database is {there}; set TENSORFLEET_DATABASE_URL to {wanted}")
    if dumped:
        dumps.load_postgres(settings.database, part / DATABASE)
    if (part / TRACKING).exists():
        dumps.load_postgres(settings.mlflow, part / TRACKING)
