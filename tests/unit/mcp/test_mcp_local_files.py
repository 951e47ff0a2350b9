from __future__ import annotations

from pathlib import Path

import pytest

from tensorfleet.errors import NotPermitted
from tensorfleet.mcp.local_files import with_own_files


def test_names_of_datasets_pass_with_and_without_a_folder(tmp_path: Path) -> None:
    spec = {"name": "wine", "dataset": "wine@3", "code": {"digest": "0" * 64}}
    assert with_own_files(spec, None) == with_own_files(spec, tmp_path) == spec


def test_paths_below_the_folder_are_made_whole(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    found = with_own_files({"dataset": "data.csv", "code": "src"}, tmp_path)
    assert found == {"dataset": str(tmp_path / "data.csv"), "code": str(tmp_path / "src")}


@pytest.mark.parametrize(
    ("field", "source"),
    [
        ("dataset", "../other.csv"),
        ("dataset", "/etc/passwd.csv"),
        ("dataset", "out/x.csv"),
        ("dataset_path", "a/../../b.csv"),
        ("code", ".."),
        ("code", "/"),
        ("code", "a\0b"),
        ("dataset", "https://example.org/x.csv"),
        ("dataset", "http://169.254.169.254/latest"),
    ],
)
def test_what_is_elsewhere_is_refused(field: str, source: str, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    for root in (folder, None):
        with pytest.raises(NotPermitted, match=field):
            with_own_files({field: source}, root)


def test_without_a_folder_nothing_of_this_machine_is_sent(tmp_path: Path) -> None:
    for spec in ({"dataset": "data.csv"}, {"code": "."}, {"dataset": "~/x.csv"}):
        with pytest.raises(NotPermitted, match="--files"):
            with_own_files(spec, None)
