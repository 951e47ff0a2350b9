from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sklearn.datasets

from tensorfleet.adapters.objectstore import FolderObjectStore
from tensorfleet.datasets.samples import SAMPLES
from tensorfleet.datasets.service import DatasetService
from tensorfleet.errors import Conflict, DataInvalid, InvalidInput, NotFound, TooLarge

CSV = b"x,species\n1.5,setosa\n2.5,virginica\n3.5,setosa\n"


def files(objects: FolderObjectStore) -> list[str]:
    return [item.key for item in objects.list("")]


def test_a_file_becomes_a_version(service: DatasetService) -> None:
    version, is_new = service.add_version("flowers", [CSV[:10], CSV[10:]], source="flowers.csv")
    assert is_new
    assert (version.version, version.rows, version.bytes, version.format) == (1, 3, len(CSV), "csv")
    assert [(column.name, column.type) for column in version.columns] == [
        ("x", "number"),
        ("species", "category"),
    ]
    assert (version.target, version.source) == ("species", "flowers.csv")
    assert b"".join(service.open(version)) == CSV
    assert service.resolve("flowers") == version
    assert service.resolve("flowers@1") == version
    assert service.get("flowers").latest_version == 1


def test_the_same_content_is_the_same_version(service: DatasetService, objects: FolderObjectStore) -> None:
    first, _ = service.add_version("flowers", [CSV])
    before = files(objects)
    again, is_new = service.add_version("flowers", [CSV])
    assert (again, is_new) == (first, False)
    second, is_new = service.add_version("flowers", [CSV, b"4.5,setosa\n"])
    assert (second.version, is_new) == (2, True)
    assert len(files(objects)) == len(before) + 2


def broken() -> Iterator[bytes]:
    yield CSV
    raise ConnectionError("gone")


@pytest.mark.parametrize(
    ("pieces", "options", "error", "message"),
    [
        ([b""], {}, DataInvalid, "empty"),
        ([b"a,b\n1\n"], {}, DataInvalid, "line 2"),
        ([CSV], {"target": "specie"}, InvalidInput, "did you mean 'species'"),
        ([CSV], {"file_format": "parquet"}, DataInvalid, "not whole Parquet"),
        ([b"x" * 1024**2] * 41, {}, TooLarge, "larger than the 41943040 bytes"),
        (broken(), {}, ConnectionError, "gone"),
    ],
)
def test_a_failed_upload_leaves_nothing(
    service: DatasetService,
    objects: FolderObjectStore,
    pieces: list[bytes],
    options: dict,
    error: type,
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        service.add_version("bad", pieces, **options)
    assert files(objects) == []
    assert service.list() == []


def test_a_failed_upload_leaves_what_others_have(service: DatasetService) -> None:
    version, _ = service.add_version("good", [CSV])
    with pytest.raises(InvalidInput):
        service.add_version("bad", [CSV], target="none")
    assert b"".join(service.open(version)) == CSV


@pytest.mark.parametrize("name", ["", "../x", "a/b", "/a", "nul\0", "x" * 10_000])
def test_bad_names(service: DatasetService, name: str) -> None:
    for call in (service.create, service.resolve, lambda n: service.add_version(n, [CSV])):
        with pytest.raises(InvalidInput):
            call(name)


def test_what_is_not_there(service: DatasetService) -> None:
    service.add_version("flowers", [CSV])
    with pytest.raises(NotFound, match="did you mean 'flowers'"):
        service.resolve("flower")
    with pytest.raises(NotFound, match="'flowers@2': its versions are 1 to 1"):
        service.resolve("flowers@2")
    with pytest.raises(NotFound):
        service.delete("none")
    service.create("empty")
    with pytest.raises(NotFound, match="no version yet"):
        service.resolve("empty")
    with pytest.raises(Conflict, match="already"):
        service.create("empty")


def test_delete_removes_the_files(service: DatasetService, objects: FolderObjectStore) -> None:
    service.add_version("one", [CSV])
    service.add_version("two", [CSV])
    service.delete("one")
    assert b"".join(service.open(service.resolve("two"))) == CSV
    service.delete("two")
    assert files(objects) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_there_when_asked_for(service: DatasetService, name: str) -> None:
    version = service.resolve(name)
    bunch = getattr(sklearn.datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    assert version.rows == len(bunch.target)
    assert len(version.columns) == bunch.data.shape[1] + 1
    assert version.target == version.columns[-1].name == SAMPLES[name].target
    lines = b"".join(service.open(version)).decode().splitlines()[1:]
    assert [[float(cell) for cell in line.split(",")[:-1]] for line in lines] == bunch.data.tolist()
    assert service.resolve(name) == version


def test_samples_have_good_columns(service: DatasetService) -> None:
    iris = service.resolve("iris")
    assert [column.name for column in iris.columns][:2] == ["sepal_length_cm", "sepal_width_cm"]
    top = {item["value"] for item in iris.profile["species"]["top"]}
    assert top == {"setosa", "versicolor", "virginica"}
    assert [column.type for column in service.resolve("digits").columns] == ["integer"] * 65


def test_a_sample_asked_for_by_many_is_added_once(service: DatasetService) -> None:
    with ThreadPoolExecutor(3) as pool:
        versions = list(pool.map(service.resolve, ["wine"] * 3))
    assert {version.version for version in versions} == {1}


def test_an_own_dataset_wins_over_a_sample(service: DatasetService) -> None:
    mine, _ = service.add_version("iris", [CSV])
    assert service.resolve("iris") == mine


def test_the_service_imports_no_heavy_library() -> None:
    program = (
        "import sys\n"
        "import tensorfleet.datasets.service, tensorfleet.datasets.endpoints, tensorfleet.datasets.store\n"
        "print([name for name in ('polars', 'pyarrow', 'sklearn', 'numpy', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
