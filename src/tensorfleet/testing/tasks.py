"""Task folders as an agent prepares them, for tests of what runs inside."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.objects.blobs import BlobStore


def write_task(
    folder: Path,
    *,
    data: bytes | None = None,
    data_format: str = "csv",
    target: str | None = None,
    code: Mapping[str, str] | bytes | None = None,
    rank: int = 0,
    world_size: int = 1,
    attempt: int = 1,
    resume: Mapping[str, Any] | None = None,
    until: int | None = None,
    **spec: Any,
) -> Path:
    """Writes one rank's task folder, the dataset and the code below `folder`; returns the task folder.

    Args:
        code: files by name, or the bytes of an archive.
        resume: the record of the checkpoint to go on from.
        until: where the task's part of the training ends.
        spec: fields of the job file, such as `algorithm` or `hyperparameters`.
    """
    url = f"file://{folder / 'objects'}"
    blobs = BlobStore(open_object_store(url))
    dataset = None
    if data is not None:
        digest = blobs.put_stream([data]).digest
        dataset = {"name": "data", "version": 1, "digest": digest, "format": data_format}
        dataset |= {"columns": [], "target": target, "rows": 0}
    packed = code if isinstance(code, bytes | None) else pack_code(code)
    task_dir = folder / f"attempt-{attempt}-rank-{rank}"
    task_dir.mkdir(parents=True)
    task = {
        "job_id": "j-test",
        "job_name": "test",
        "attempt": attempt,
        "rank": rank,
        "world_size": world_size,
        "lease": 1,
        "cpus": 1,
        "spec": {"name": "test", "kind": "train", "seed": 7, **spec},
        "dataset": dataset,
        "code": None if packed is None else {"digest": blobs.put_stream([packed]).digest},
        "objects_url": url,
        "cache_dir": str(folder / "cache"),
        "checkpoint": None if resume is None else dict(resume),
        "until": until,
    }
    (task_dir / "task.json").write_text(json.dumps(task))
    return task_dir


def pack_code(files: Mapping[str, str]) -> bytes:
    """A .tar.gz of text files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            content = text.encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def read_outcome(task_dir: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((task_dir / "outcome.json").read_text())
    return found


def read_records(task_dir: Path, kind: str) -> list[dict[str, Any]]:
    """The records of one kind that the task wrote, in order."""
    lines = (task_dir / "records.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def model_folder(folder: Path, outcome: Mapping[str, Any]) -> Path:
    """Where the model of an outcome lies on disk."""
    path: Path = folder / "objects" / outcome["model"]["prefix"]
    return path
