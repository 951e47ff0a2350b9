"""What the API answers about models, for its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.kit.answers import Instant


class ModelRead(TypedDict):
    """A registered model: a name with its versions."""

    name: str
    workspace: str
    latest_version: int
    aliases: Annotated[dict[str, int], Field(description="which version each alias points at")]
    created_at: Instant
    updated_at: Instant


class ModelFileRead(TypedDict):
    path: str
    bytes: int
    sha256: str


VERSION_EXAMPLE: dict[str, Any] = {
    "name": "iris", "version": 1, "model_id": "iris/1", "workspace": "default", "job_id": "j-1m7y1egzxd1dnwfn",
    "run_id": "0" * 32, "source": "file:///objects/models/j-1m7y1egzxd1dnwfn",
    "path": "file:///objects/models/j-1m7y1egzxd1dnwfn", "aliases": ["production"], "tags": {},
    "metrics": {"accuracy": 0.9667}, "signature": None,
    "files": [{"path": "MLmodel", "bytes": 812, "sha256": "0" * 64}], "formats": [],
    "created_at": "2026-11-21T03:12:26.102338Z",
}  # fmt: skip


class ModelVersionRead(TypedDict):
    """One version of a model."""

    name: str
    version: int
    model_id: str
    workspace: str
    job_id: str | None
    run_id: str | None
    source: str
    path: str
    aliases: list[str]
    tags: dict[str, str]
    metrics: dict[str, float | None]
    signature: dict[str, Any] | None
    files: list[ModelFileRead]
    formats: list[dict[str, Any]]
    created_at: Instant


class PendingVersion(TypedDict):
    """A version that MLflow has still to take; it appears by itself."""

    name: str
    version: None
    model_id: None
    path: str
    status: Literal["pending"]


class AliasRead(TypedDict):
    """Where an alias points."""

    name: str
    alias: str
    version: int
