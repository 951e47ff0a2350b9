"""The packages of own code, read from the files of its folder."""

from pathlib import Path

import pytest

from tensorfleet.errors import SpecInvalid
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.locks import read_requirements

UV_LOCK = """
version = 1
requires-python = ">=3.11"

[[package]]
name = "project"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "tiny" }]

[package.metadata]
requires-dist = [{ name = "tiny", specifier = ">=1" }]

[[package]]
name = "tiny"
version = "1.2"
source = { registry = "https://pypi.org/simple" }
wheels = [
    { url = "https://example.org/tiny-1.2-py3-none-any.whl", hash = "sha256:HASH", size = 1 },
]
""".replace("HASH", "0" * 64)
PROJECT = (
    '[project]\nname = "project"\nversion = "0.1.0"\nrequires-python = ">=3.11"\ndependencies = ["tiny>=1"]\n'
)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "main.py").write_text("")
    (folder / "needs.txt").write_text(
        "# all\npandas>=2  # tables\n\nb==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n"
    )
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "uv.lock").write_text(UV_LOCK)
    return folder


@pytest.mark.parametrize("field", ["requirements", "lock"])
def test_a_file_of_lines(code: Path, field: str):
    spec = {field: "needs.txt"}
    read_requirements(spec, code)
    assert spec["requirements"] == ["pandas>=2", "b==1 --hash=sha256:00 --hash=sha256:11"]


def test_a_uv_lock(code: Path):
    spec = {"lock": "uv.lock"}
    read_requirements(spec, code)
    assert spec == {
        "lock": "uv.lock",
        "requirements": [f"tiny==1.2 --hash=sha256:{'0' * 64}"],
        "python": ">=3.11",
    }


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"requirements": "none.txt"}, "no file 'none.txt'"),
        ({"lock": "../outside.lock"}, r"no file '\.\./outside\.lock'"),
        ({"lock": "/etc/passwd"}, "no file '/etc/passwd'"),
        ({"lock": "needs.txt", "requirements": ["a"]}, "not both"),
        ({"lock": "broken/uv.lock"}, "uv cannot read"),
        ({"requirements": "binary"}, "UTF-8"),
    ],
)
def test_a_file_that_will_not_do(code: Path, spec: dict, words: str):
    (code.parent / "outside.lock").write_text("a\n")
    (code / "broken").mkdir()
    (code / "broken" / "uv.lock").write_text("not = [a lock")
    (code / "broken" / "pyproject.toml").write_text(PROJECT)
    (code / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecInvalid, match=words):
        read_requirements(spec, code)


def test_a_submission_carries_the_lines(client: Client, code: Path):
    job = client.submit(
        {"name": "a", "entrypoint": "main.py", "code": str(code), "requirements": "needs.txt"}
    )
    assert job.data["spec"]["requirements"] == ["pandas>=2", "b==1 --hash=sha256:00 --hash=sha256:11"]
