"""What is packed of a repository, and what is noted of its state."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tensorfleet.sdk import gitstate
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.gitstate import read_git
from tensorfleet.sdk.packing import pack_folder
from tensorfleet.testing.gateway import FakeGateway


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    files = {
        ".gitignore": "*.bin\n/project/secret\n# project/main.py\n",
        "other.py": "1\n",
        "project/main.py": "print(1)\n",
        "project/.gitignore": "!kept.bin\nout/*\n!out/readme\n",
        "project/secret": "s",
        "project/kept.bin": "k",
        "project/large.bin": "l",
        "project/out/readme": "r",
        "project/out/model.txt": "m",
        "project/deep/.gitignore": "*\n!.gitignore\n!a.py\n",
        "project/deep/a.py": "a",
        "project/deep/b.py": "b",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root.parent, "init", "--quiet", "-b", "trunk", str(root))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    return root


def packed(folder: Path) -> set[str]:
    target = io.BytesIO()
    pack_folder(folder, target)
    target.seek(0)
    with tarfile.open(fileobj=target) as archive:
        return set(archive.getnames())


def test_what_git_ignores_is_left_out(repository: Path):
    listed = git(repository / "project", "ls-files").splitlines()
    assert packed(repository / "project") == set(listed)
    assert packed(repository) == set(git(repository, "ls-files").splitlines())


def test_a_clean_repository(repository: Path):
    found = read_git(repository / "project")
    assert found is not None
    assert (found.commit, found.branch) == (git(repository, "rev-parse", "HEAD"), "trunk")
    assert (found.dirty, found.diff, found.truncated) == (False, b"", False)


def test_changes_of_the_folder_count_and_those_beside_it_do_not(repository: Path):
    (repository / "other.py").write_text("2\n")
    assert read_git(repository / "project") == read_git(repository / "project")
    assert not read_git(repository / "project").dirty
    (repository / "project" / "new.py").write_text("new\n")
    assert read_git(repository / "project").dirty, "a new file is in the code too"
    (repository / "project" / "main.py").write_text("print(2)\n")
    assert b"-print(1)\n+print(2)" in read_git(repository / "project").diff


def test_a_long_diff_is_cut_off(repository: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gitstate, "MOST_DIFF_BYTES", 100)
    (repository / "project" / "main.py").write_text("x\n" * 1000)
    found = read_git(repository / "project")
    assert (len(found.diff), found.truncated) == (100, True)


def test_a_repository_runs_nothing(repository: Path, tmp_path: Path):
    """What its own configuration names would run with the user's rights."""
    for key in ("core.fsmonitor", "diff.external"):
        git(repository, "config", key, f"touch {tmp_path / 'ran'}; true")
    (repository / "project" / "main.py").write_text("print(2)\n")
    assert read_git(repository / "project").diff
    assert not (tmp_path / "ran").exists()


def test_no_repository_no_commit_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert read_git(tmp_path) is None
    git(tmp_path, "init", "--quiet")
    assert read_git(tmp_path) is None
    monkeypatch.setenv("PATH", "")
    assert read_git(tmp_path) is None


def test_a_submission_says_where_its_code_stood(client: Client, gateway: FakeGateway, repository: Path):
    (repository / "project" / "main.py").write_text("print(2)\n")
    job = client.submit({"name": "a", "entrypoint": "main.py", "code": str(repository / "project")})
    noted = job.data["spec"]["code"]["git"]
    assert (noted["branch"], noted["dirty"], noted["diff_truncated"]) == ("trunk", True, False)
    assert b"+print(2)" in gateway.uploaded("u-2")
