"""From a job's result to the version that it should become."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tensorfleet.errors import InvalidInput
from tensorfleet.registry.model import Candidate, ModelFile, TrackedJob, check_model_name, registered_name

FORMATS_TAG = "tensorfleet.formats"
"""Tag of a version: what became of the formats that its job asked for, as JSON."""
PREFIX_TAG = "tensorfleet.prefix"
"""Tag of a version: the key prefix of its folder in the object store, from which it is downloaded."""


def folder_uri(objects_url: str, prefix: str) -> str:
    """Where a model folder lies, as MLflow loads it: `file:///...` or `s3://...` without our options."""
    return f"{objects_url.partition('?')[0].rstrip('/')}/{check_prefix(prefix)}"


def check_prefix(prefix: str) -> str:
    """A prefix such as `models/j-1/1`.

    Raises:
        InvalidInput: it is no such prefix, or one that leaves the folder of models.
    """
    parts = prefix.split("/")
    plain = all(part not in ("", ".", "..") and part.isprintable() and "\\" not in part for part in parts)
    if not plain or len(parts) < 2 or parts[0] != "models" or len(prefix) > 500:
        raise InvalidInput(
            f"source_prefix '{prefix[:80]}' is not a model folder; write models/<job id>/<attempt>"
        )
    return prefix


def candidate_of_job(job: TrackedJob, objects_url: str, name: str | None = None) -> Candidate | None:
    """The version that a completed job becomes, or None when it left no model or has no name for it.

    Raises:
        InvalidInput: its result is not one that a task writes.
    """
    model = (job.result or {}).get("model")
    name = name or job.spec.get("model_name")
    if not model or not name:
        return None
    try:
        return Candidate(
            name=registered_name(job.workspace, check_model_name(str(name))),
            workspace=job.workspace,
            source=folder_uri(objects_url, str(model["prefix"])),
            key={"tensorfleet.job_id": job.id, "tensorfleet.attempt": str(job.attempt)},
            job_id=job.id,
            run_id=job.run_id,
            tags=_tags(job, model),
            metrics=job.metrics,
            signature=model.get("signature"),
            files=tuple(
                ModelFile(str(f["path"]), int(f["bytes"]), str(f["sha256"])) for f in model.get("files") or ()
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"the result of job {job.id} describes no model folder: {error!r}") from error


def formats_of(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """What became of each further format of a version; a tag that somebody else wrote into MLflow counts as none."""
    try:
        found = json.loads(tags.get(FORMATS_TAG, "[]"))
    except ValueError:
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _tags(job: TrackedJob, model: dict[str, Any]) -> dict[str, str]:
    tags = {
        "tensorfleet.workspace": job.workspace,
        "tensorfleet.job_name": job.name,
        PREFIX_TAG: str(model["prefix"]),
    }
    made_of = (job.result or {}).get("provenance")
    if made_of:
        tags["tensorfleet.provenance"] = str(made_of)
    if model.get("formats"):
        tags[FORMATS_TAG] = json.dumps(model["formats"])
    dataset = job.inputs.get("dataset")
    if dataset:
        tags["tensorfleet.dataset"] = f"{dataset['name']}@{dataset['version']}"
    return tags | {f"tensorfleet.{key}": str(model[key]) for key in ("flavor", "task") if model.get(key)}
