"""Folders of classes as a table: from a folder, a .zip and a .tar, with whatever may be wrong in them."""

import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from tensorfleet.errors import DataInvalid
from tensorfleet.sdk import class_folders
from tensorfleet.sdk.client import Client
from tensorfleet.testing.gateway import FakeGateway


def picture(seed, form="PNG", size=(8, 6)):
    packed = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(packed, form)
    return packed.getvalue()


FILES = {"cat/1.png": picture(1), "cat/2.jpg": picture(2, "JPEG"), "dog/a b.png": picture(3)}
TEXTS = {"good/1.txt": "très bien".encode(), "bad/1.txt": b"", "bad/2.md": b"no"}


def folder_of(root: Path, files) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def zip_of(path: Path, files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tar_of(path: Path, files, link: str | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        if link is not None:
            member = tarfile.TarInfo("cat/link.png")
            member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member)
    return path


def packed(source: Path, tmp_path: Path) -> pl.DataFrame:
    class_folders.pack(source, tmp_path / "out.parquet")
    return pl.read_parquet(tmp_path / "out.parquet")


JUNK = {".DS_Store": b"x", "__MACOSX/cat/._1.png": b"x", "cat/Thumbs.db": b"x"}


@pytest.mark.parametrize("form", ["folder", "zip", "tar", "zip with a folder around it"])
def test_pictures_become_rows_with_their_folders_as_labels(tmp_path, form):
    files = {f"photos/{name}" if "around" in form else name: data for name, data in (FILES | JUNK).items()}
    if form == "folder":
        source = folder_of(tmp_path / "photos", files)
    else:
        source = tar_of(tmp_path / "p.tar.gz", files) if form == "tar" else zip_of(tmp_path / "p.zip", files)
    frame = packed(source, tmp_path)
    assert frame["label"].to_list() == ["cat", "cat", "dog"]
    assert frame["picture"].to_list() == list(FILES.values())


def test_texts_become_rows(tmp_path):
    frame = packed(folder_of(tmp_path / "reviews", TEXTS), tmp_path)
    assert frame.rows() == [("", "bad"), ("no", "bad"), ("très bien", "good")]


def bomb(width, height):
    """A PNG that claims to be that large."""
    chunks = [
        b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"IDAT" + zlib.compress(b"\0" * 1000),
    ]
    sized = (struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(sized)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"cat/1.png": b"no picture"}, "cat/1.png cannot be read"),
        ({"cat/1.png": FILES["cat/1.png"][:-30]}, "cat/1.png cannot be read"),
        ({"cat/1.png": b""}, "cat/1.png cannot be read"),
        ({"cat/1.png": bomb(9000, 9000)}, "cat/1.png has 9000 by 9000 pixels; too many"),
        ({"cat/1.png": bomb(60_000, 60_000)}, "cat/1.png"),
        ({"1.png": FILES["cat/1.png"]}, "1.png lies in no folder of a class"),
        ({"cat/notes.pdf": b"x"}, "cat/notes.pdf is neither a picture"),
        (FILES | TEXTS, "has pictures and texts"),
        ({"bad/1.txt": b"caf\xe9"}, "bad/1.txt is not UTF-8 text"),
        ({"bad/1.txt": b"x" * 2000}, "bad/1.txt it has more than"),
        ({}, "has no pictures"),
    ],
)
def test_what_cannot_be_a_row_is_named(tmp_path, monkeypatch, files, words):
    monkeypatch.setattr(class_folders, "MOST_FILE_BYTES", 1500)
    for source in (
        folder_of(tmp_path / "photos", files or {".hidden": b""}),
        zip_of(tmp_path / "photos.zip", files),
        tar_of(tmp_path / "photos.tar.gz", files),
    ):
        with pytest.raises(DataInvalid) as caught:
            packed(source, tmp_path)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_zip_that_lies_about_its_sizes(tmp_path, monkeypatch):
    monkeypatch.setattr(class_folders, "MOST_FILE_BYTES", 1500)
    source = zip_of(tmp_path / "bomb.zip", {"bad/1.txt": b"x" * 1_000_000})
    data = bytearray(source.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    source.write_bytes(data)
    with pytest.raises(DataInvalid, match=r"bad/1\.txt"):
        packed(source, tmp_path)


@pytest.mark.parametrize("limit", ["MOST_FILES", "MOST_BYTES"])
def test_too_much_is_refused(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(class_folders, limit, 1)
    with pytest.raises(DataInvalid, match="it has more than"):
        packed(zip_of(tmp_path / "p.zip", FILES), tmp_path)


def test_links_and_paths_that_lead_out_of_an_archive_are_left_out(tmp_path):
    hostile = tar_of(tmp_path / "p.tar.gz", {"../cat/0.png": FILES["cat/1.png"], **FILES}, "/etc/passwd")
    assert packed(hostile, tmp_path).height == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "p.tar.gz"]


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_what_is_no_archive_is_told(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(DataInvalid, match="cannot be read"):
        packed(tmp_path / name, tmp_path)


def test_a_folder_is_added_as_a_dataset_of_its_name(client: Client, gateway: FakeGateway, tmp_path):
    source = folder_of(tmp_path / "pets", FILES)
    first = client.datasets.add(source)
    assert (first["name"], first["format"], first["target"]) == ("pets", "parquet", "label")
    again = client.datasets.add(zip_of(tmp_path / "pets.zip", FILES))
    assert again["name"] == "pets"
    assert again["digest"] == first["digest"], "the same pictures are the same content"
