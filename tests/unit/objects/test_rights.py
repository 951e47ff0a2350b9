"""What the task of a lease may touch: every kind of object, its own and others'."""

from __future__ import annotations

import pytest

from tensorfleet.objects.rights import Act, Need, attempt_of, chunk_of, folder_of, objection

DATA, CODE, OTHER = ("a" * 64, "b" * 64, "c" * 64)
CHUNK, FOREIGN = ("d" * 64, "e" * 64)
NEED = Need("j-1", 3, 1, frozenset({DATA, CODE}))

MAY = {
    Act.READ: [
        f"blobs/{DATA}.json",
        f"blobs/{CODE}.json",
        f"chunks/dd/{CHUNK}",
        "checkpoints/j-1/0-7.safetensors",  # what it was forked from
        "checkpoints/j-1/2-7.safetensors",
        "files/j-1/2/kept.json",
        "files/j-1/2/deep/er",
        "meetings/j-1/3",
    ],
    Act.LIST: ["checkpoints/j-1", "checkpoints/j-1/", "files/j-1", "files/j-1/2"],
    Act.WRITE: [
        "checkpoints/j-1/3-0.safetensors",
        "checkpoints/j-1/3-999999999.safetensors",
        "files/j-1/3/kept.json",
        "models/j-1/3/MLmodel",
        "models/j-1/3/data/weights.bin",
        "profiles/j-1/3/1.json.gz",
        "meetings/j-1/3",
    ],
    Act.DELETE: [
        "checkpoints/j-1/0-7.safetensors",
        "checkpoints/j-1/3-7.safetensors",
        "files/j-1/1/kept.json",
        "meetings/j-1/3",
    ],
}
MAY_NOT = {
    Act.READ: [
        f"blobs/{OTHER}.json",
        f"blobs/{DATA}",
        f"blobs/{DATA}.json/x",
        f"blobs/{DATA.upper()}.json",
        f"chunks/ee/{FOREIGN}",
        f"chunks/ee/{CHUNK}",
        f"chunks/dd/{CHUNK}0",
        "checkpoints/j-2/3-7.safetensors",
        "checkpoints/j-10/3-7.safetensors",
        "checkpoints/j-1",
        "files/j-2/1/kept.json",
        "models/j-2/1/MLmodel",
        "models/j-1/3/MLmodel",
        "profiles/j-1/3/1.json.gz",
        "meetings/j-1/2",
        "meetings/j-2/3",
        "mlflow/1/2/artifact",
        f"provenance/{DATA}.json",
        "anything",
    ],
    Act.LIST: ["", "blobs", "chunks/dd", "checkpoints", "checkpoints/j-2", "checkpoints/j-10", "models/j-1", "files"],
    Act.WRITE: [
        "checkpoints/j-1/2-7.safetensors",
        "checkpoints/j-1/4-7.safetensors",
        "checkpoints/j-1/03-7.safetensors",
        "checkpoints/j-1/3-7.safetensors.tmp",
        "checkpoints/j-1/3/7.safetensors",
        "checkpoints/j-1/٣-7.safetensors",
        "checkpoints/j-1/3-1234567890.safetensors",
        "checkpoints/j-2/3-7.safetensors",
        "files/j-1/2/kept.json",
        "files/j-1/3",
        "files/j-2/3/kept.json",
        "models/j-1/2/MLmodel",
        "models/j-2/3/MLmodel",
        "models/j-1/x/MLmodel",
        "profiles/j-1/3/0.json.gz",
        "profiles/j-1/2/1.json.gz",
        "meetings/j-1/2",
        f"blobs/{DATA}.json",
        f"chunks/dd/{CHUNK}",
        f"provenance/{DATA}.json",
        "anything",
    ],
    Act.DELETE: [
        "checkpoints/j-1/4-7.safetensors",
        "checkpoints/j-2/1-7.safetensors",
        "files/j-1/4/kept.json",
        "models/j-1/3/MLmodel",
        "profiles/j-1/3/1.json.gz",
        "meetings/j-1/2",
        f"chunks/dd/{CHUNK}",
        f"provenance/{DATA}.json",
    ],
}  # fmt: skip


def objected(act: Act, key: str, **more: str) -> str:
    return objection(NEED, act, key, is_part=lambda sha: sha == CHUNK, **more)


@pytest.mark.parametrize(("act", "key"), [(act, key) for act, keys in MAY.items() for key in keys])
def test_what_the_job_needs(act: Act, key: str) -> None:
    assert objected(act, key) == ""


@pytest.mark.parametrize(("act", "key"), [(act, key) for act, keys in MAY_NOT.items() for key in keys])
def test_all_else_is_refused_and_named(act: Act, key: str) -> None:
    assert f"attempt 3 of job j-1 may not {act} '{key}'" in objected(act, key)


def test_a_chunk_is_nobodys_without_a_file() -> None:
    assert objection(NEED, Act.READ, f"chunks/dd/{CHUNK}")


def test_a_document_is_what_its_name_says() -> None:
    assert objected(Act.WRITE, f"provenance/{DATA}.json", sha256=DATA) == ""
    assert objected(Act.WRITE, f"provenance/{DATA}.json", sha256=CODE)
    assert objected(Act.WRITE, f"provenance/{DATA}.json.gz", sha256=DATA)


def test_parts_of_keys() -> None:
    assert attempt_of(NEED, "models/j-1/12/MLmodel") == 12
    assert attempt_of(NEED, "models/j-2/12/MLmodel") is None
    assert attempt_of(NEED, "models") is None
    assert folder_of(NEED, "files/j-1/2/x") == "files/j-1"
    assert chunk_of(f"chunks/dd/{CHUNK}") == CHUNK
    assert chunk_of(f"chunks/dd/{FOREIGN}") is None
