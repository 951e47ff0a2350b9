"""What the API's description says beside what the routes say themselves: problems, examples."""

from __future__ import annotations

from typing import Any

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
    "secrets": "What jobs are given without it being written down; values go in, never out.",
    "webhooks": "Addresses that are told what happens in a workspace, and what they were sent.",
    "retention": "What is older than the platform keeps it.",
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
    431: "The address or the headers are too long",
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
    "bucket": "logs",
    "webhook_id": "wh-1m7zsv66t1k76j20", "delivery_id": "wh-1m7zsv66t1k76j20-4711",
    "path": "out/notes.txt", "index": 0, "user": "ada", "workspace": "default", "provider": "company",
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
    "create_webhook": {"url": "https://example.org/hooks/fleet", "events": ["job.completed", "job.failed"]},
    "change_webhook": {"events": ["job.failed"], "enabled": True},
    "rotate_webhook_secret": {"overlap_s": 3600},
    "let_program_in": {
        "challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "redirect_uri": "http://127.0.0.1:49152/signed-in",
    },
    "link_user": {"provider": "company", "subject": "8f3c1d"},
    "register_model": {"name": "iris", "job_id": "j-1m7y1egzxd1dnwfn"},
    "commit_code": {"upload_id": "u-1m7y1egzxd1dnwfn"},
    "retry_study": {"trials": 1},
    "scale_fleet": {"workers": 2},
    "set_target": {"workers": 2},
}
