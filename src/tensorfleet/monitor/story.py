"""What a job and its events mean as a run, without any I/O."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

from tensorfleet.jobs.model import Event
from tensorfleet.registry.model import DatasetInput, Point, Run, RunStatus, TrackedJob
from tensorfleet.tuning.model import KIND

ENDS = {
    "job.completed": RunStatus.FINISHED,
    "job.failed": RunStatus.FAILED,
    "job.cancelled": RunStatus.KILLED,
}
WAITS = ("job.requeued", "job.paused")
WATCHED = ("job.started", "metrics", *WAITS, *ENDS)
"""The kinds that tracking has any use for; logs and task events are left in the database."""

_SPEC_PARAMS = ("algorithm", "entrypoint", "dataset", "target_column", "seed")


def run_of(job: TrackedJob, at: datetime) -> Run:
    return Run(
        job_id=job.id,
        name=job.name,
        experiment=job.workspace,
        started_at=job.started_at or at,
        params=params_of(job),
        tags=tags_of(job),
        dataset=dataset_of(job),
        run_id=job.run_id,
    )


def params_of(job: TrackedJob) -> dict[str, str]:
    """Hyperparameters, nested ones with dots, and those fields of the job that change what is trained."""
    found = {name: _text(job.spec[name]) for name in _SPEC_PARAMS if job.spec.get(name) is not None}
    return found | {"workers": str(job.workers)} | flatten(job.spec.get("hyperparameters") or {})


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            found |= flatten(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = _text(value)
    return found


def tags_of(job: TrackedJob) -> dict[str, str]:
    tags = {
        "tensorfleet.job_id": job.id,
        "tensorfleet.workspace": job.workspace,
        "tensorfleet.kind": job.kind,
        "mlflow.source.type": "JOB",
        "mlflow.source.name": str(job.spec.get("algorithm") or job.spec.get("entrypoint") or job.kind),
    }
    study = job.inputs.get("study")
    if study:
        tags |= {"tensorfleet.study": str(study["id"]), "tensorfleet.trial": str(study["trial"])}
    return tags | {f"label.{key}": str(value) for key, value in (job.spec.get("labels") or {}).items()}


def aliases_of(job: TrackedJob) -> tuple[str, ...]:
    """What the job's version is called beside its number; only a study says so, no task can."""
    return tuple((job.result or {}).get("aliases") or ()) if job.kind == KIND else ()


def dataset_of(job: TrackedJob) -> DatasetInput | None:
    data = job.inputs.get("dataset")
    if not data:
        return None
    return DatasetInput(
        name=str(data["name"]),
        version=int(data["version"]),
        digest=str(data["digest"]),
        source={key: data[key] for key in ("format", "target") if data.get(key) is not None},
        columns=tuple(data.get("columns") or ()),
        rows=data.get("rows"),
    )


def points_of(event: Event) -> list[Point]:
    """The points of a `metrics` event; those of ranks after the first go under headings of their own."""
    rank = int(event.data.get("rank") or 0)
    heading = f"rank{rank}/" if rank else ""
    return [
        Point(f"{heading}{name}", _number(value), round(float(point["at"]) * 1000), int(point["step"]))
        for point in event.data["points"]
        for name, value in point["values"].items()
    ]


def final_metrics(job: TrackedJob) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in job.metrics.items()
        if value is not None and math.isfinite(value)
    }


def _number(value: Any) -> float:
    # JSON has no NaN: a metric that became one is stored as null.
    return math.nan if value is None else float(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
