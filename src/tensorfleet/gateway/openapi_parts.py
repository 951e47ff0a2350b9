"""What the API's description says beside what the routes say themselves: problems, links between calls, examples."""

from __future__ import annotations

from typing import Any, NamedTuple

from tensorfleet.fleet.answers import WORKER_EXAMPLE
from tensorfleet.jobs.answers import JOB_EXAMPLE
from tensorfleet.registry.answers import VERSION_EXAMPLE

TAGS = {
    "jobs": "Submit, read and steer jobs.",
    "studies": "Hyperparameter searches; a study is a job of kind `tune`.",
    "datasets": "Datasets, their versions, and uploads in chunks.",
    "models": "The registry of models, as MLflow keeps it.",
    "files": "What the platform keeps, as files; own code.",
    "workers": "The fleet, its workers and its size.",
    "ledger": "What leases held, used and cost; budgets.",
    "audit": "Who did what, and whether the record of it is whole.",
    "sla": "What was promised, and what came of it.",
    "access": "Signing in, users, workspaces and keys.",
    "health": "How the platform is.",
}

PROBLEMS = {
    400: "The body cannot be read",
    401: "Nobody is signed in, or the token is wrong",
    403: "The caller's role does not allow it",
    404: "There is no such thing, or the caller may not know of it",
    408: "The body came too slowly",
    409: "It exists, but its state forbids this",
    412: "It is no longer as If-Match says",
    413: "The body is too large",
    415: "The body is of a kind that is not read here",
    416: "Range asks for what lies outside the file",
    422: "What was asked for cannot work as written; `errors` names the fields",
    429: "More than one caller may ask; Retry-After says when to ask again",
    503: "A part of the platform is away; the same call may work later",
    507: "No space is left",
}
"""What each status means, in every answer that is a problem."""

PROBLEM_HEADERS = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "in so many seconds"},
    503: {"Retry-After": "in so many seconds"},
}


class Link(NamedTuple):
    """What to call with a part of an answer: `{parameter: expression}`, or a body."""

    operation: str
    parameters: dict[str, str]
    body: dict[str, str] | None = None


_OF_JOB = (
    "get_job", "why_job", "job_events", "job_logs", "job_metrics", "job_tasks", "job_checkpoints", "job_provenance",
    "job_waterfall", "job_ledger", "list_plots", "list_files", "job_evaluation", "pause_job", "resume_job", "cancel_job",
    "retry_job", "replay_job", "fork_job", "delete_job",
)  # fmt: skip
_JOB_LINKS = [Link(name, {"job_id": "$response.body#/job_id"}) for name in _OF_JOB] + [
    Link("cancel_jobs", {}, {"ids": ["$response.body#/job_id"]})  # type: ignore[dict-item]
]
_UPLOAD = {"upload_id": "$response.body#/upload_id"}
_DATASET = {"name": "$response.body#/name"}
_VERSION = {**_DATASET, "version": "$response.body#/version"}
LINKS: dict[tuple[str, str], list[Link]] = {
    ("submit_job", "201"): _JOB_LINKS,
    ("replay_job", "201"): _JOB_LINKS,
    ("fork_job", "201"): _JOB_LINKS,
    ("list_jobs", "200"): [
        Link(name, {"job_id": "$response.body#/items/0/job_id"}) for name in (*_OF_JOB, "job_profile")
    ]
    + [
        Link(
            "diff_jobs",
            {"job_id": "$response.body#/items/0/job_id", "other_id": "$response.body#/items/1/job_id"},
        )
    ],
    ("list_studies", "200"): [
        Link(name, {"study_id": "$response.body#/items/0/study_id"})
        for name in ("get_study", "study_trials", "study_history", "study_parallel", "retry_study")
    ],
    ("list_workers", "200"): [
        Link(name, {"worker_id": "$response.body#/items/0/worker_id"})
        for name in ("get_worker", "drain_worker")
    ],
    ("list_models", "200"): [
        Link(name, {"name": "$response.body#/items/0/name"}) for name in ("get_model", "list_model_versions")
    ],
    ("list_model_versions", "200"): [
        Link(name, {"name": "$response.body#/items/0/name", "version": "$response.body#/items/0/version"})
        for name in ("get_model_version", "get_card")
    ]
    + [
        Link(
            "put_alias",
            {"name": "$response.body#/items/0/name"},
            {"version": "$response.body#/items/0/version"},
        )
    ],
    ("create_dataset", "201"): [
        Link(name, _DATASET)
        for name in ("get_dataset", "list_dataset_versions", "add_version", "delete_dataset")
    ],
    ("add_version", "201"): [
        Link(name, _VERSION) for name in ("get_dataset_version", "download_dataset_version")
    ],
    ("begin_upload", "201"): [
        Link("get_upload", _UPLOAD),
        Link("put_chunk", _UPLOAD),
        Link("abort_upload", _UPLOAD),
        Link("commit_code", {}, _UPLOAD),
        Link("add_version", {}, _UPLOAD),
    ],
}
"""By operation and status: where an answer leads."""

_FOREST = {"name": "iris", "algorithm": "random_forest", "dataset": "iris", "model_name": "iris"}
_STUDY = {
    "name": "search",
    "kind": "tune",
    "algorithm": "random_forest",
    "dataset": "iris",
    "tune": {
        "space": {"n_estimators": {"int": [10, 30]}},
        "objective": {"metric": "accuracy", "direction": "maximize"},
        "trials": 2,
    },
}
JOB_EXAMPLES: dict[str, dict[str, Any]] = {
    "forest": {"summary": "A built-in algorithm on a sample", "value": _FOREST},
    "study": {"summary": "A search for hyperparameters", "value": _STUDY},
}
BATCH_EXAMPLES: dict[str, dict[str, Any]] = {
    "two": {
        "summary": "Two jobs, one with a key of its own",
        "value": {"items": [{**_FOREST, "idempotency_key": "first"}, {**_FOREST, "seed": 8}]},
    }
}
PARAMETER_EXAMPLES: dict[str, Any] = {
    "job_id": "j-1m7y1egzxd1dnwfn", "other_id": "j-0f3k9s1b2c4d5e6g", "study_id": "j-1m7y1egzxd1dnwfn",
    "worker_id": "w-laptop", "upload_id": "u-1m7y1egzxd1dnwfn", "name": "iris", "version": "1", "alias": "production",
    "bucket": "logs", "path": "out/notes.txt", "index": 0, "user": "ada", "workspace": "default",
}  # fmt: skip
"""By the name of a parameter in the path or the query."""
SCHEMA_EXAMPLES: dict[str, Any] = {
    "JobRead": JOB_EXAMPLE,
    "WorkerRead": WORKER_EXAMPLE,
    "ModelVersionRead": VERSION_EXAMPLE,
    "Problem": {
        "type": "urn:tensorfleet:not_found",
        "title": "Not found",
        "status": 404,
        "detail": "there is no job 'j-0'; `tensorfleet jobs list` shows those that there are",
        "code": "not_found",
    },
}
BODY_EXAMPLES: dict[str, Any] = {
    "create_dataset": {"name": "prices", "description": "daily, since 2020"},
    "fork_job": {"step": None, "changes": {"hyperparameters": {"n_estimators": 50}}},
    "cancel_jobs": {"filter": {"status": "queued", "name": "iris"}},
    "put_alias": {"version": 1},
    "register_model": {"name": "iris", "job_id": "j-1m7y1egzxd1dnwfn"},
    "commit_code": {"upload_id": "u-1m7y1egzxd1dnwfn"},
    "retry_study": {"trials": 1},
    "scale_fleet": {"workers": 2},
    "set_target": {"workers": 2},
}
