"""Models, their versions and what is tracked of a job, as values.  Names are those that MLflow accepts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any

from tensorfleet.errors import InvalidInput, NotFound

DEFAULT_WORKSPACE = "default"
REGISTERED_EVENT, ALIAS_MOVED_EVENT = "model.registered", "model.alias_moved"
_MARK = "~"  # in no name of a model or a workspace, and MLflow takes it
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}")
_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,100}")
_RESERVED_ALIAS = re.compile(r"latest|v\d+", re.IGNORECASE)


class Anything(Enum):
    """Where an alias points does not matter."""

    ANY = "any"


ANY = Anything.ANY
Expected = int | None | Anything


class RunStatus(StrEnum):
    """MLflow's words for the state of a run."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class IntentKind(StrEnum):
    SET_ALIAS = "alias.set"
    DELETE_ALIAS = "alias.delete"
    REGISTER = "version.register"


@dataclass(frozen=True)
class ModelFile:
    path: str
    bytes: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        return {"path": self.path, "bytes": self.bytes, "sha256": self.sha256}


@dataclass(frozen=True)
class ModelVersion:
    """One registered version, as the projection keeps it."""

    name: str
    version: int
    workspace: str
    job_id: str | None
    run_id: str | None
    source: str
    created_at: datetime
    aliases: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float | None] = field(default_factory=dict)
    signature: dict[str, Any] | None = None
    files: tuple[ModelFile, ...] = ()

    @property
    def model_id(self) -> str:
        return f"{self.bare_name}/{self.version}"

    @property
    def bare_name(self) -> str:
        return bare_name(self.workspace, self.name)


@dataclass(frozen=True)
class RegisteredModel:
    name: str
    workspace: str
    latest_version: int
    aliases: dict[str, int]
    created_at: datetime
    updated_at: datetime

    @property
    def bare_name(self) -> str:
        return bare_name(self.workspace, self.name)


@dataclass(frozen=True)
class Candidate:
    """A model folder that is to become a version; a second try finds the first one's by the tags `key`."""

    name: str
    workspace: str
    source: str
    key: dict[str, str]
    job_id: str | None = None
    run_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float | None] = field(default_factory=dict)
    signature: dict[str, Any] | None = None
    files: tuple[ModelFile, ...] = ()

    def to_version(self, version: int, created_at: datetime) -> ModelVersion:
        return ModelVersion(
            name=self.name,
            version=version,
            workspace=self.workspace,
            job_id=self.job_id,
            run_id=self.run_id,
            source=self.source,
            created_at=created_at,
            tags=self.tags | self.key,
            metrics=self.metrics,
            signature=self.signature,
            files=self.files,
        )


@dataclass(frozen=True)
class TrackedJob:
    """What tracking needs to know of a job."""

    id: str
    name: str
    workspace: str
    kind: str
    workers: int
    attempt: int
    spec: dict[str, Any]
    inputs: dict[str, Any]
    result: dict[str, Any] | None
    metrics: dict[str, float | None]
    created_at: datetime
    started_at: datetime | None
    run_id: str | None
    model_version: int | None


@dataclass(frozen=True)
class DatasetInput:
    name: str
    version: int
    digest: str
    source: dict[str, Any]
    columns: tuple[dict[str, Any], ...] = ()
    rows: int | None = None


@dataclass(frozen=True)
class Run:
    """A job as a run: found again by `job_id`, whatever else was lost."""

    job_id: str
    name: str
    experiment: str
    started_at: datetime
    params: dict[str, str]
    tags: dict[str, str]
    dataset: DatasetInput | None = None
    run_id: str | None = None


@dataclass(frozen=True)
class Point:
    name: str
    value: float
    at_ms: int
    step: int


@dataclass(frozen=True)
class Intent:
    """A change to the registry that was accepted and is still to be carried out in MLflow."""

    id: int
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True)
class IntentResult:
    done: bool
    version: int | None = None
    error: str | None = None


def registered_name(workspace: str, name: str) -> str:
    """What a model is called where all workspaces share one list, as in MLflow: its own name only in the default workspace.

    Raises:
        NotFound: no model is called so; in particular none of another workspace.
    """
    if _MARK in name:
        raise NotFound(f"there is no model '{name[:100]}'; names have no {_MARK}")
    return name if workspace == DEFAULT_WORKSPACE else f"{workspace}{_MARK}{name}"


def bare_name(workspace: str, registered: str) -> str:
    """What it is called in its workspace."""
    return registered.removeprefix(f"{workspace}{_MARK}")


def workspace_of_name(registered: str) -> str:
    return registered.partition(_MARK)[0] if _MARK in registered else DEFAULT_WORKSPACE


def check_model_name(name: str) -> str:
    if not _MODEL_NAME.fullmatch(name) or name != name.strip():
        raise InvalidInput(
            f"'{name[:60]}' is not a model name; "
            "use up to 100 letters, digits, spaces and . _ - and begin with a letter or digit"
        )
    return name


def check_alias(alias: str) -> str:
    if not _ALIAS.fullmatch(alias):
        raise InvalidInput(f"'{alias[:60]}' is not an alias; use up to 100 letters, digits, _ and -")
    if _RESERVED_ALIAS.fullmatch(alias):
        raise InvalidInput(
            f"alias '{alias}' is reserved for version numbers; choose a name such as production"
        )
    return alias
