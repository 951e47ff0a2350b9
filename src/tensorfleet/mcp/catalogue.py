"""Tools for what jobs are made of and what they leave: algorithms, datasets, models and studies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.errors import Conflict, NotFound, nearest
from tensorfleet.mcp.reading import Ref
from tensorfleet.mcp.shapes import Number, Text, numbers, text_or_none
from tensorfleet.mcp.trimming import brief, short
from tensorfleet.sdk.client import Client

Name = Annotated[str, Field(min_length=1, max_length=100)]
Task = Literal["classification", "regression", "clustering", "anomaly_detection", "dimensionality_reduction"]
Limit = Annotated[int, Field(ge=1, le=100)]
MOST_COLUMNS = 60


class Algorithm(TypedDict):
    name: str
    summary: str
    library: str
    tasks: list[str]
    distributes: Annotated[bool, Field(description="trains on several workers")]
    defaults: NotRequired[Any]
    schema: NotRequired[Annotated[Any, Field(description="JSON schema of its hyperparameters")]]


class Algorithms(TypedDict):
    algorithms: list[Algorithm]


class DatasetLine(TypedDict):
    name: str
    description: Text
    latest_version: int | None
    created_at: str


class Datasets(TypedDict):
    datasets: list[DatasetLine]
    more: bool


class Column(TypedDict):
    """A column, with what its values are like: range, mean and quantiles, or its most frequent values."""

    name: str
    type: str
    missing: int
    unique: int | None
    profile: Any


class Dataset(TypedDict):
    name: str
    version: int
    versions: int
    format: str
    rows: int
    bytes: int
    target: Text
    columns: list[Column]
    more_columns: int


class ModelLine(TypedDict):
    name: str
    latest_version: int
    aliases: dict[str, int]
    updated_at: str


class Models(TypedDict):
    models: list[ModelLine]
    more: bool


class Version(TypedDict):
    version: int
    job_id: Text
    metrics: dict[str, Number]
    aliases: list[str]
    created_at: str


class Model(TypedDict):
    """Versions of a model, the newest first, and one of them in full."""

    name: str
    versions: list[Version]
    version: Version
    signature: Any
    formats: Any
    card: Annotated[Text, Field(description="Markdown: what it is for, its data and figures")]


class StudyLine(TypedDict):
    study_id: str
    name: str
    status: str
    progress: float
    trials: int
    counts: dict[str, int]
    objective: Any
    best: Any


class Studies(TypedDict):
    studies: list[StudyLine]
    more: bool


class Study(StudyLine):
    space: Any
    latest_trials: Annotated[Any, Field(description="the last 20, with their hyperparameters and values")]
    importance: Annotated[
        Any, Field(description="of each hyperparameter; null while too few trials have completed")
    ]


class Catalogue:
    """Each method is a tool; its docstring is what the agent is told of it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list_algorithms(
        self,
        name: Annotated[
            str | None, Field(max_length=100, description="only this one, with its hyperparameters' schema")
        ] = None,
        task: Task | None = None,
    ) -> Algorithms:
        """Lists the built-in algorithms; with a name, that one's hyperparameters with their limits and defaults."""
        found = self._client.algorithms()
        if name is not None:
            chosen = next((one for one in found if one["name"] == name), None)
            if chosen is None:
                raise NotFound(
                    f"there is no algorithm '{name}'; {nearest(name, [one['name'] for one in found])}"
                )
            more: Any = {"defaults": brief(chosen["defaults"]), "schema": brief(chosen["schema"], 8000)}
            return {"algorithms": [{**_algorithm(chosen), **more}]}
        return {"algorithms": [_algorithm(one) for one in found if task is None or task in one["tasks"]]}

    def list_datasets(self, limit: Limit = 50) -> Datasets:
        """Lists the datasets by name."""
        found = list(self._client.transport.pages("/datasets", limit=limit + 1))
        return {"datasets": [_dataset(one) for one in found[:limit]], "more": len(found) > limit}

    def get_dataset(self, name: Name, version: Annotated[int | None, Field(ge=1)] = None) -> Dataset:
        """Reads a dataset's columns, each with its type, missing values and distribution; no rows."""
        known = self._client.datasets.versions(name)
        found = self._client.datasets.version(
            name, version if version is not None or not known else known[0]["version"]
        )
        columns, profile = found["columns"], found.get("profile") or {}
        return {
            "name": found["name"],
            "version": found["version"],
            "versions": len(known),
            "format": found["format"],
            "rows": found["rows"],
            "bytes": found["bytes"],
            "target": text_or_none(found.get("target")),
            "columns": [_column(one, profile.get(one["name"])) for one in columns[:MOST_COLUMNS]],
            "more_columns": max(0, len(columns) - MOST_COLUMNS),
        }

    def list_models(self, limit: Limit = 50) -> Models:
        """Lists the registered models with their aliases."""
        found = list(self._client.transport.pages("/models", limit=limit + 1))
        return {"models": [_model(one) for one in found[:limit]], "more": len(found) > limit}

    def get_model(
        self,
        name: Name,
        version: Annotated[
            str | None, Field(max_length=100, description="a number or an alias; the latest when left out")
        ] = None,
    ) -> Model:
        """Reads a model: its versions with their metrics and aliases, and one version's signature and card."""
        found = self._client.models.get(name, version)
        versions = self._client.models.versions(name)
        try:
            card = short(found.card(), 6000)
        except NotFound:
            card = None
        return {
            "name": found.name,
            "versions": [_version(one.data) for one in versions[:20]],
            "version": _version(found.data),
            "signature": brief(found.data.get("signature")),
            "formats": brief(found.formats),
            "card": card,
        }

    def list_studies(self, limit: Annotated[int, Field(ge=1, le=30)] = 20) -> Studies:
        """Lists the studies, searches of hyperparameters, the newest first, with their best trials so far."""
        found = self._client.studies.list(limit=limit + 1)
        return {"studies": [_study(one) for one in found[:limit]], "more": len(found) > limit}

    def get_study(self, study: Ref) -> Study:
        """Reads a study: its search space, its best and latest trials, and how much each hyperparameter matters."""
        found = self._client.studies.find(study)
        summary = found.summary()
        try:
            importance = brief(found.importance())
        except Conflict:
            importance = None
        trials = [
            {key: one[key] for key in ("number", "job_id", "state", "params", "values", "reason")}
            for one in found.trials()
        ]
        return {
            **_study(summary),
            "space": brief(summary.get("space")),
            "latest_trials": brief(trials[-20:], 6000),
            "importance": importance,
        }  # fmt: skip


def _algorithm(one: Mapping[str, Any]) -> Algorithm:
    return {
        "name": one["name"],
        "summary": short(one["summary"], 200),
        "library": one["library"],
        "tasks": list(one["tasks"]),
        "distributes": one["distributes"],
    }


def _dataset(one: Mapping[str, Any]) -> DatasetLine:
    return {
        "name": one["name"],
        "description": None if one["description"] is None else short(one["description"], 300),
        "latest_version": one["latest_version"],
        "created_at": one["created_at"],
    }


def _column(one: Mapping[str, Any], profile: Mapping[str, Any] | None) -> Column:
    shown = {key: value for key, value in (profile or {}).items() if key != "histogram"}
    return {
        "name": short(one["name"], 200),
        "type": one["type"],
        "missing": one["missing"],
        "unique": one["unique"],
        "profile": brief(shown, 400),
    }


def _model(one: Mapping[str, Any]) -> ModelLine:
    return {
        "name": one["name"],
        "latest_version": one["latest_version"],
        "aliases": dict(list(one["aliases"].items())[:20]),
        "updated_at": one["updated_at"],
    }


def _version(one: Mapping[str, Any]) -> Version:
    return {
        "version": one["version"],
        "job_id": one["job_id"],
        "metrics": numbers(one["metrics"]),
        "aliases": one["aliases"][:20],
        "created_at": one["created_at"],
    }


def _study(one: Mapping[str, Any]) -> StudyLine:
    best = [{key: trial[key] for key in ("number", "job_id", "params", "values")} for trial in one["best"]]
    return {
        "study_id": one["study_id"],
        "name": one["name"],
        "status": one["status"],
        "progress": one["progress"],
        "trials": one["trials"],
        "counts": one["counts"],
        "objective": brief(one["objective"], 600),
        "best": brief(best, 1500),
    }
