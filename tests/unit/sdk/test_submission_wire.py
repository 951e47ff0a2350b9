"""Job files, packing of code, and what is sent for them to the in-memory gateway."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from tensorfleet.errors import InvalidInput, SpecInvalid, TooLarge
from tensorfleet.sdk import packing
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.ignore import IgnoreRules
from tensorfleet.sdk.packing import pack_folder
from tensorfleet.sdk.submission import Submission
from tensorfleet.sdk.yamlfile import parse_scalar, read_document
from tensorfleet.testing.gateway import FakeGateway


def job_file(folder: Path, text: str | bytes, name: str = "job.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_job_file_is_sent_as_it_is(client: Client, gateway: FakeGateway, tmp_path: Path):
    path = job_file(
        tmp_path, "name: wine\nalgorithm: random_forest\ndataset: wine\nhyperparameters: {rate: 1e-3}\n"
    )
    job = client.submit(path, seed=3)
    assert job.data["spec"] == {
        "name": "wine", "algorithm": "random_forest", "dataset": "wine", "seed": 3,
        "hyperparameters": {"rate": 0.001},
    }  # fmt: skip


def test_mapping_and_keywords_are_jobs_too(client: Client):
    assert client.submit({"name": "a", "seed": 1}, seed=2).data["spec"] == {"name": "a", "seed": 2}
    assert client.submit(name="b").name == "b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nname: b\n", "line 2: the key 'name' is there twice"),
        ("name: a\nresources:\n  cpus: 1\n  cpus: 2\n", "line 4: the key 'cpus' is there twice"),
        ("name: [1, 2\n", "line 2: "),
        ("- a\n- b\n", "is a mapping such as 'name: digits', this is a list"),
        ("", "this is empty"),
        ("name: !!python/object/apply:os.system ['true']\n", "line 1: could not determine a constructor"),
        ("name: a\nlabels: {1: x}\n", "labels.1: the key 1 is a number; write it in quotes"),
        ("a: b\nhyperparameters:\n  rate: .nan\n", "line 3: hyperparameters.rate: nan is not a number"),
        ("a: &a [*a]\n", "nested too deeply"),
        ("a: " + "[" * 2000 + "\n", "nested too deeply"),
        (b"name: a\nname: \xff\n", "line 2: this is not UTF-8 text"),
        ("a: 2026-99-99\n", "month must be in"),
    ],
)
def test_file_that_is_no_job_is_refused_by_name_and_line(tmp_path: Path, text: str | bytes, message: str):
    path = job_file(tmp_path, text)
    with pytest.raises(InvalidInput) as caught:
        read_document(path)
    assert message in str(caught.value)
    assert "job.yaml" in str(caught.value)


def test_aliases_cannot_blow_a_small_file_up(tmp_path: Path):
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    with pytest.raises(InvalidInput, match="too many values"):
        read_document(job_file(tmp_path, f"l0: &l0 [1]\n{levels}"))


def test_json_has_the_same_rules(tmp_path: Path):
    assert read_document(job_file(tmp_path, '{\n\t"name": "a"\n}', "job.json")).value == {"name": "a"}
    with pytest.raises(InvalidInput, match="'name' is there twice"):
        read_document(job_file(tmp_path, '{"name": 1, "name": 2}', "job.json"))
    with pytest.raises(InvalidInput, match=r"job.json, line 2"):
        read_document(job_file(tmp_path, '{\n"name" 1}', "job.json"))


def test_large_and_missing_files(tmp_path: Path):
    with pytest.raises(TooLarge, match="larger than 1 MiB"):
        read_document(job_file(tmp_path, "#" * (1024**2 + 1)))
    with pytest.raises(InvalidInput, match="there is no job file"):
        read_document(tmp_path / "none.yaml")


def test_refused_field_is_shown_with_its_line(client: Client, tmp_path: Path):
    path = job_file(tmp_path, "name: a\n\n# a comment\ncolour: red\n")
    with pytest.raises(SpecInvalid, match=r"colour: there is no such field \(.*job.yaml, line 4\)") as caught:
        client.submit(path)
    assert caught.value.errors[0].field == "colour"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("[1, 2]", [1, 2]),
        ("1e-4", 1e-4),
        ("true", True),
        ("mlp", "mlp"),
        ("", None),
        ("{a: 1}", {"a": 1}),
    ],
)
def test_values_of_set_are_yaml(text: str, value: object):
    assert parse_scalar(text) == value


def test_set_makes_the_mappings_on_the_way():
    submission = Submission.of({"name": "a"}, {})
    submission.set("hyperparameters.epochs", 5)
    assert submission.spec["hyperparameters"] == {"epochs": 5}
    with pytest.raises(InvalidInput, match="name is not a mapping"):
        submission.set("name.first", 1)


@pytest.mark.parametrize("field", ["dataset", "dataset_path"])
def test_dataset_beside_the_job_file_is_uploaded(
    client: Client, gateway: FakeGateway, tmp_path: Path, field: str
):
    (tmp_path / "sales.csv").write_text("a,b\n1,2\n")
    path = job_file(tmp_path, f"name: sales\n{field}: sales.csv\n")
    steps: list[str] = []
    job = client.submit(path, step=steps.append)
    assert job.data["spec"][field] == "sales@1"
    assert steps == ["dataset sales.csv"]
    assert client.submit(path, step=None).data["spec"][field] == "sales@2"


def test_dataset_that_is_not_there_is_refused_before_the_job(
    client: Client, gateway: FakeGateway, tmp_path: Path
):
    with pytest.raises(InvalidInput, match=r"none.csv does not exist"):
        client.submit(job_file(tmp_path, "dataset: ./none.csv\n"))
    assert gateway.jobs == {}


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    for name, text in {
        "train.py": "print(1)", "lib/util.py": "", "__pycache__/x.pyc": "x", ".git/config": "x",
        ".venv/big": "x", "data/big.csv": "1", "notes.log": "x", "lib/keep.log": "k",
        ".gitignore": "data/\n*.log\n!keep.log\n",
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def packed(folder: Path) -> bytes:
    target = io.BytesIO()
    pack_folder(folder, target)
    return target.getvalue()


def test_code_is_packed_without_what_is_ignored(
    client: Client, gateway: FakeGateway, code: Path, tmp_path: Path
):
    job = client.submit(job_file(tmp_path, "entrypoint: train.py\ncode: ./code\n"))
    data = gateway.uploaded("u-1")
    assert job.data["spec"]["code"] == {"digest": hashlib.sha256(data).hexdigest()}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == [".gitignore", "lib/keep.log", "lib/util.py", "train.py"]
        assert {(member.uid, member.mtime, member.mode) for member in archive} == {(0, 0, 0o644)}


def test_same_files_give_the_same_bytes(code: Path):
    first = packed(code)
    os.utime(code / "train.py", (1, 1))
    assert packed(code) == first
    (code / "train.py").write_text("print(2)")
    assert packed(code) != first
    assert gzip.decompress(first)


@pytest.mark.parametrize("target", ["/etc", "/etc/passwd", "../../outside.txt", "../../code-2/x"])
def test_link_that_leaves_the_folder_is_refused(code: Path, target: str):
    (code / "lib" / "link").symlink_to(target)
    with pytest.raises(InvalidInput, match="lib/link is a link that leaves"):
        packed(code)


def test_link_inside_is_packed_as_its_file(code: Path):
    (code / "link.py").symlink_to("train.py")
    with tarfile.open(fileobj=io.BytesIO(packed(code))) as archive:
        member = archive.getmember("link.py")
        assert member.isreg()
        assert archive.extractfile(member).read() == b"print(1)"


@pytest.mark.parametrize(
    "make", [lambda path: path.symlink_to("."), lambda path: path.symlink_to("gone"), os.mkfifo]
)
def test_what_is_not_a_file_is_refused(code: Path, make):
    make(code / "odd")
    with pytest.raises(InvalidInput, match=r"odd .*\.gitignore"):
        packed(code)


def test_too_much_code_names_the_largest_files(code: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packing, "MAX_CODE_BYTES", 1000)
    (code / "weights.bin").write_bytes(b"x" * 2000)
    with pytest.raises(TooLarge, match=r"the largest are weights.bin \(2.0 kB\)"):
        packed(code)
    monkeypatch.setattr(packing, "MAX_CODE_FILES", 2)
    with pytest.raises(TooLarge, match="has 5 files, the limit is 2"):
        packed(code)


def test_folder_without_a_file(tmp_path: Path):
    with pytest.raises(InvalidInput, match="there is no folder"):
        packed(tmp_path / "none")
    with pytest.raises(InvalidInput, match="there is no file in"):
        packed(tmp_path)


@pytest.mark.parametrize(
    ("rule", "path", "is_dir", "skipped"),
    [
        ("*.log", "a/b.log", False, True),
        ("/b.log", "a/b.log", False, False),
        ("build/", "a/build", True, True),
        ("build/", "build", False, False),
        ("a/*.py", "a/b/c.py", False, False),
        ("a/**/c.py", "a/x/y/c.py", False, True),
        ("**/c.py", "c.py", False, True),
        ("f?o", "foo", False, True),
        ("[!a]x", "bx", False, True),
        ("[!a]x", "ax", False, False),
        ("# c", "# c", False, False),
        ("a.b", "axb", False, False),
    ],
)
def test_ignore_rules(rule: str, path: str, is_dir: bool, skipped: bool):
    assert IgnoreRules([rule]).skips(path, is_dir=is_dir) is skipped


def test_body_of_the_submission_is_json(client: Client, gateway: FakeGateway, tmp_path: Path):
    client.submit(job_file(tmp_path, "name: a\nlabels: {day: 2026-01-02}\n"))
    assert json.loads(gateway.sent("POST", "/jobs$")[0].content)["labels"] == {"day": "2026-01-02"}
