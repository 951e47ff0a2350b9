"""Uploads and downloads against the in-memory gateway: chunks, breaks, resumption."""

import hashlib
from pathlib import Path

import httpx
import pytest

from tensorfleet.errors import Conflict, DataInvalid, Internal, InvalidInput, NotFound, Unavailable
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.dataset_files import file_format, name_from
from tensorfleet.sdk.local_files import inside
from tensorfleet.testing.gateway import CHUNK_BYTES, FakeGateway

CONTENT = b"a,b\n" + b"".join(b"%d,%d\n" % (row, row * row) for row in range(600))
CHUNKS = -(-len(CONTENT) // CHUNK_BYTES)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "Sales 2025 (final).csv"
    path.write_bytes(CONTENT)
    return path


def test_file_arrives_in_chunks_and_reports_progress(client: Client, gateway: FakeGateway, csv: Path):
    seen: list[tuple[int, int]] = []
    version = client.datasets.add(csv, target="b", progress=lambda done, total: seen.append((done, total)))
    assert (version["name"], version["target"], version["format"]) == ("Sales-2025-final", "b", "csv")
    assert gateway.contents[version["digest"]] == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert len(seen) == CHUNKS


def test_broken_connection_costs_one_chunk(client: Client, gateway: FakeGateway, csv: Path):
    gateway.fault("PUT", "/chunks/2$", httpx.WriteError("reset"), times=2)
    gateway.fault("PUT", "/chunks/4$", 503)
    client.datasets.add(csv)
    assert len(gateway.sent("PUT", "/chunks/")) == CHUNKS + 3


def test_second_call_goes_on_where_the_first_was_stopped(client: Client, gateway: FakeGateway, csv: Path):
    gateway.fault("PUT", "/chunks/3$", httpx.WriteError("reset"), times=10_000)
    with pytest.raises(Unavailable):
        client.datasets.add(csv)
    gateway.faults.clear()
    gateway.requests.clear()
    client.datasets.add(csv)
    assert [r.url.path[-1] for r in gateway.sent("PUT", "/chunks/")] == [str(i) for i in range(3, CHUNKS)]
    assert gateway.sent("POST", "/uploads$") == []
    assert gateway.contents[hashlib.sha256(CONTENT).hexdigest()] == CONTENT


def test_upload_that_the_server_forgot_begins_anew(client: Client, gateway: FakeGateway, csv: Path):
    gateway.fault("PUT", "/chunks/3$", 409)
    with pytest.raises(Conflict):
        client.datasets.add(csv)
    gateway.uploads.clear()
    assert client.datasets.add(csv)["bytes"] == len(CONTENT)


def test_upload_that_an_earlier_call_committed_begins_anew(client: Client, gateway: FakeGateway, csv: Path):
    gateway.fault("POST", "/versions$", 404)
    assert client.datasets.add(csv)["bytes"] == len(CONTENT)
    assert len(gateway.sent("POST", "/uploads$")) == 2
    gateway.fault("POST", "/versions$", 404, times=2)
    with pytest.raises(NotFound):
        client.datasets.add(csv)


def test_file_that_grows_while_it_is_sent_is_refused(client: Client, gateway: FakeGateway, csv: Path):
    def grow(done: int, total: int) -> None:
        with csv.open("ab") as file:
            file.write(b"1,2\n")

    with pytest.raises(InvalidInput, match="changed while it was sent"):
        client.datasets.add(csv, progress=grow)
    assert gateway.versions == {}


def test_home_that_cannot_be_written_does_not_stop_an_upload(client: Client, csv: Path, tmp_path: Path):
    (tmp_path / "home").write_text("a file where a folder should be")
    assert client.datasets.add(csv)["version"] == 1


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.csv", b"", "is empty"),
        ("data.csv.gz", b"\x1f\x8b", "unpack it first"),
        ("data.xlsx", b"PK", "neither .csv nor .parquet"),
        ("data.parquet", b"a,b\n", "does not begin as one"),
    ],
)
def test_files_of_other_kinds_are_refused_before_anything_is_sent(
    tmp_path: Path, name: str, data: bytes, message: str
):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataInvalid, match=message):
        file_format(tmp_path / name)


def test_parquet_is_known_by_its_first_bytes(tmp_path: Path):
    (tmp_path / "data.csv").write_bytes(b"PAR1....")
    assert file_format(tmp_path / "data.csv") == "parquet"


def test_missing_file_and_nameless_file(tmp_path: Path):
    with pytest.raises(InvalidInput, match="does not exist"):
        file_format(tmp_path / "none.csv")
    with pytest.raises(InvalidInput, match="no dataset name"):
        name_from(Path("###.csv"))


@pytest.mark.parametrize("cuts", [[], [0, 100, 1], [2000, 500]])
def test_download_is_whole_after_breaks(
    client: Client, gateway: FakeGateway, csv: Path, tmp_path: Path, cuts: list[int]
):
    client.datasets.add(csv, "sales")
    gateway.stream_cuts = list(cuts)
    path = client.datasets.download("sales", to=tmp_path / "out" / "sales.csv")
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    starts = [request.headers.get("Range") for request in gateway.sent("GET", "/download$")]
    assert starts[0] is None
    assert len(starts) == len(cuts) + 1


def test_download_that_fails_leaves_no_file_but_goes_on_later(
    client: Client, gateway: FakeGateway, csv: Path, tmp_path: Path
):
    client.datasets.add(csv, "sales")
    target = tmp_path / "sales-1.csv"
    gateway.stream_cuts = [1500]
    gateway.faults.append(
        lambda request: httpx.Response(503, json={"detail": "away"}) if "Range" in request.headers else None
    )
    with pytest.raises(Unavailable):
        client.datasets.download("sales", to=tmp_path)
    assert not target.exists()
    gateway.faults.clear()
    client.datasets.download("sales", to=tmp_path)
    assert target.read_bytes() == CONTENT
    assert gateway.sent("GET", "/download$")[-1].headers["Range"] == "bytes=1500-"


@pytest.mark.parametrize(("left_bytes", "tries"), [(len(CONTENT), 1), (len(CONTENT) + 5, 2)])
def test_part_that_is_whole_or_too_long_is_dealt_with(
    client: Client, gateway: FakeGateway, csv: Path, tmp_path: Path, left_bytes: int, tries: int
):
    digest = client.datasets.add(csv, "sales")["digest"]
    tag = hashlib.sha256(digest.encode()).hexdigest()[:12]
    (tmp_path / f".copy.csv.{tag}.part").write_bytes(CONTENT.ljust(left_bytes, b"x"))
    assert client.datasets.download("sales", to=tmp_path / "copy.csv").read_bytes() == CONTENT
    assert len(gateway.sent("GET", "/download$")) == tries


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "", "a\\..\\x", "a\0"])
def test_file_names_of_a_server_stay_inside_the_folder(tmp_path: Path, name: str):
    with pytest.raises(Internal, match="not a path inside"):
        inside(tmp_path, name)


def model_of(gateway: FakeGateway, data: bytes, sha256: str) -> None:
    file = {"path": "data/model.safetensors", "bytes": len(data), "sha256": sha256}
    source = "file:///models/home/objects/models/j-1/1"
    gateway.models["digits"] = [{"name": "digits", "version": 1, "source": source, "files": [file]}]
    gateway.contents["j-1/1/data/model.safetensors"] = data


def test_model_files_are_downloaded_once_and_checked(client: Client, gateway: FakeGateway):
    data = b"weights" * 100
    model_of(gateway, data, hashlib.sha256(data).hexdigest())
    folder = client.models.get("digits").local_folder()
    assert (folder / "data" / "model.safetensors").read_bytes() == data
    assert client.models.get("digits", 1).local_folder() == folder
    assert len(gateway.sent("GET", "/download/models/")) == 1


def test_model_file_with_a_wrong_checksum_is_refused(client: Client, gateway: FakeGateway, tmp_path: Path):
    model_of(gateway, b"tampered", "0" * 64)
    with pytest.raises(DataInvalid, match="checksum"):
        client.models.get("digits").download(tmp_path / "model")
    assert [path for path in (tmp_path / "model").rglob("*") if path.is_file()] == []
