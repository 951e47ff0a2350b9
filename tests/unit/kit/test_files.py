from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tensorfleet.kit.files import is_full, write_atomic


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced_whole(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "token"
    write_atomic(path, b"old", mode=0o600, durable=durable)
    write_atomic(path, b"new \0", mode=0o600, durable=durable)
    assert path.read_bytes() == b"new \0"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.mkdir()
    (path / "inside").touch()
    with pytest.raises(OSError, match="directory"):
        write_atomic(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "none" / "token", b"new")


@pytest.mark.parametrize(
    ("number", "full"),
    [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EFBIG, True), (errno.EACCES, False), (None, False)],
)
def test_a_full_disk_is_told_from_other_troubles(number: int | None, full: bool) -> None:
    error = OSError(number, "trouble") if number else OSError("trouble")
    assert is_full(error) is full
