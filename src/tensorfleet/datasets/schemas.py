"""Datasets on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from tensorfleet.datasets.model import ColumnType, Format
from tensorfleet.kit.clock import rfc3339

Instant = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DatasetCreate(_Body):
    name: str
    description: str | None = Field(default=None, max_length=2000)


class DatasetRead(_Read):
    name: str
    workspace: str
    description: str | None
    latest_version: int | None
    created_at: Instant


class DatasetPage(BaseModel):
    items: list[DatasetRead]
    next_cursor: str | None


class ColumnRead(_Read):
    name: str
    type: ColumnType
    missing: int
    unique: int | None


class VersionRead(_Read):
    name: str
    version: int
    digest: str
    format: Format
    rows: int
    bytes: int
    columns: list[ColumnRead]
    profile: dict[str, Any]
    target: str | None
    source: str | None
    created_at: Instant


class RowsRead(BaseModel):
    """Some rows of a version; a cell of bytes is told as `{"bytes": 1234}`."""

    columns: list[str] = Field(description="those that are shown, the first 200 at most")
    rows: list[list[Any]]
    offset: int
    total: int = Field(description="rows of the version")


class VersionPage(BaseModel):
    items: list[VersionRead]
    next_cursor: str | None


class VersionFromUpload(_Body):
    upload_id: str
    format: Format | None = None
    target: str | None = None


class UploadCreated(BaseModel):
    upload_id: str
    chunk_bytes: int


class UploadRead(BaseModel):
    upload_id: str
    chunk_bytes: int
    chunks: dict[int, str]


class ChunkRead(BaseModel):
    index: int
    sha256: str
