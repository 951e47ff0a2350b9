"""What the task of a lease may touch in the object store.  No input or output."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """What is done with an object, or with the folder of a listing."""

    READ = "read"
    LIST = "list"
    WRITE = "write"
    DELETE = "delete"


@dataclass(frozen=True)
class Need:
    """What a lease stands for: one rank of a job's attempt; `blobs` are the digests of the files that the job was given."""

    job_id: str
    attempt: int
    rank: int
    blobs: frozenset[str] = frozenset()


_NUMBER = "(0|[1-9][0-9]{0,8})"
_PLACES = {
    "checkpoints": re.compile(rf"{_NUMBER}-{_NUMBER}\.safetensors"),
    "files": re.compile(rf"{_NUMBER}/.+"),
    "models": re.compile(rf"{_NUMBER}/.+"),
    "profiles": re.compile(rf"{_NUMBER}/{_NUMBER}\.json\.gz"),
    "meetings": re.compile(_NUMBER),
}
"""By folder, what lies below a job's id there; the first number is the attempt that wrote it."""
_INHERITED = ("checkpoints", "files")
"""An attempt goes on from what earlier ones have left here, and removes what is not needed any more."""
_MANIFEST = re.compile(r"blobs/([0-9a-f]{64})\.json")
_CHUNK = re.compile(r"chunks/([0-9a-f]{2})/(\1[0-9a-f]{62})")
_DOCUMENT = re.compile(r"provenance/([0-9a-f]{64})\.json")


def objection(
    need: Need, act: Act, key: str, *, is_part: Callable[[str], bool] = lambda sha: False, sha256: str = ""
) -> str:
    """Why the lease may not do this, in a sentence; empty when it may.

    Args:
        key: one that every store can hold (`ports.check_key`).
        is_part: whether a chunk, by its SHA-256, is a part of one of the needed blobs.
        sha256: of what is written, where it is known.
    """
    allowed = {
        Act.READ: lambda: _may_read(need, key, is_part),
        Act.LIST: lambda: _may_list(need, key),
        Act.WRITE: lambda: _may_write(need, key, sha256),
        Act.DELETE: lambda: _may_delete(need, key),
    }[act]()
    if allowed:
        return ""
    return f"attempt {need.attempt} of job {need.job_id} may not {act} '{key[:200]}': it is no part of what the job needs"


def attempt_of(need: Need, key: str) -> int | None:
    """The attempt of the need's own job that a key belongs to; None for what is not the job's."""
    folder, _, rest = key.partition("/")
    job_id, _, name = rest.partition("/")
    found = _PLACES[folder].fullmatch(name) if folder in _PLACES and job_id == need.job_id else None
    return int(found[1]) if found else None


def folder_of(need: Need, key: str) -> str:
    """The folder of the job in which a key of its lies."""
    return f"{key.partition('/')[0]}/{need.job_id}"


def chunk_of(key: str) -> str | None:
    """The SHA-256 of the chunk that lies there."""
    found = _CHUNK.fullmatch(key)
    return found[2] if found else None


def _may_read(need: Need, key: str, is_part: Callable[[str], bool]) -> bool:
    if manifest := _MANIFEST.fullmatch(key):
        return manifest[1] in need.blobs
    if (sha := chunk_of(key)) is not None:
        return is_part(sha)
    if any(key.startswith(f"{folder}/{need.job_id}/") for folder in _INHERITED):
        return True
    return key.startswith("meetings/") and attempt_of(need, key) == need.attempt


def _may_list(need: Need, folder: str) -> bool:
    return any(f"{folder.rstrip('/')}/".startswith(f"{own}/{need.job_id}/") for own in _INHERITED)


def _may_write(need: Need, key: str, sha256: str) -> bool:
    if document := _DOCUMENT.fullmatch(key):
        return document[1] == sha256  # whoever else has written it wrote the same
    if key.startswith("profiles/"):
        return key == f"profiles/{need.job_id}/{need.attempt}/{need.rank}.json.gz"
    return attempt_of(need, key) == need.attempt


def _may_delete(need: Need, key: str) -> bool:
    attempt = attempt_of(need, key)
    if attempt is None:
        return False
    if key.startswith(tuple(f"{folder}/" for folder in _INHERITED)):
        return attempt <= need.attempt
    return key.startswith("meetings/") and attempt == need.attempt
