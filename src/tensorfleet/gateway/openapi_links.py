"""Where an answer of the API leads: the calls that take a part of it (OpenAPI's links)."""

from __future__ import annotations

from typing import Any, NamedTuple


class Link(NamedTuple):
    """What to call with a part of an answer: `{parameter: expression}`, or a body."""

    operation: str
    parameters: dict[str, str]
    body: dict[str, Any] | None = None


def _each(operations: tuple[str, ...], **parameters: str) -> list[Link]:
    return [Link(name, parameters) for name in operations]


def _said(*names: str, **other: str) -> dict[str, str]:
    """Parameters that are called as the fields of the answer are; `other` are not."""
    return {name: f"$response.body#/{name}" for name in names} | {
        parameter: f"$response.body#/{field}" for parameter, field in other.items()
    }


def _first(*names: str, **other: str) -> dict[str, str]:
    """The same of the first item of a list."""
    return {name: f"$response.body#/items/0/{name}" for name in names} | {
        parameter: f"$response.body#/items/0/{field}" for parameter, field in other.items()
    }


_ABOUT_JOB = (
    "get_job", "why_job", "job_events", "job_logs", "job_metrics", "job_metrics_summary", "job_tasks", "job_checkpoints",
    "job_provenance", "job_waterfall", "job_ledger", "list_plots", "list_files", "job_evaluation", "job_git_diff",
    "job_leaderboard",
)  # fmt: skip
_TO_JOB = ("pause_job", "resume_job", "cancel_job", "retry_job", "replay_job", "fork_job", "delete_job")
_OF_JOB = (*_ABOUT_JOB, *_TO_JOB)
_NEW_JOB = [
    *_each(_OF_JOB, **_said("job_id")),
    Link("cancel_jobs", {}, {"ids": ["$response.body#/job_id"]}),
]
_CHANGED_JOB = _each(("get_job", "job_events", "cancel_job", "retry_job", "delete_job"), **_said("job_id"))
_ABOUT_STUDY = ("get_study", "study_trials", "study_history", "study_parallel", "retry_study")
_OF_DATASET = ("get_dataset", "list_dataset_versions", "add_version", "delete_dataset")
_OF_UPLOAD = ("get_upload", "put_chunk", "abort_upload")
_OF_WORKER = ("get_worker", "drain_worker", "quarantine_worker", "release_worker")
_OF_USER = ("get_user", "change_user", "delete_user", "list_keys")
_OF_WORKSPACE = ("list_members", "read_quota", "set_quota", "reset_quota", "delete_workspace")
_OF_WEBHOOK = ("get_webhook", "change_webhook", "list_deliveries", "rotate_webhook_secret", "delete_webhook")
_UPLOAD = _said("upload_id")
_SAME_UPLOAD = {"upload_id": "$request.path.upload_id"}
_SAME_NAME = {"name": "$request.path.name"}
_SAME_ALIAS = {**_SAME_NAME, "alias": "$request.path.alias"}
_SAME_USER = {"user": "$request.path.user"}
_SAME_MEMBER = {**_SAME_USER, "workspace": "$request.path.workspace"}
_SAME_WORKSPACE = {"workspace": "$request.path.workspace"}
_SAME_HOOK = {"webhook_id": "$request.path.webhook_id"}

LINKS: dict[tuple[str, str], list[Link]] = {
    # ---- jobs and studies
    ("submit_job", "201"): _NEW_JOB,
    ("replay_job", "201"): _NEW_JOB,
    ("fork_job", "201"): _NEW_JOB,
    ("get_job", "200"): _each((*_TO_JOB, "why_job", "job_logs", "job_events"), **_said("job_id")),
    ("pause_job", "202"): _each(("resume_job", "get_job", "delete_job"), **_said("job_id")),
    ("resume_job", "202"): _each(("pause_job", "get_job"), **_said("job_id")),
    ("cancel_job", "202"): _CHANGED_JOB,
    ("retry_job", "202"): _CHANGED_JOB,
    ("delete_job", "204"): _each(("get_job", "delete_job"), job_id="$request.path.job_id"),
    ("list_jobs", "200"): [
        *_each((*_OF_JOB, "job_profile"), **_first("job_id")),
        Link(
            "diff_jobs",
            {"job_id": "$response.body#/items/0/job_id", "other_id": "$response.body#/items/1/job_id"},
        ),
    ],
    ("list_files", "200"): [
        Link("download_file", {"job_id": "$request.path.job_id", "path": "$response.body#/items/0/path"})
    ],
    ("list_studies", "200"): _each(_ABOUT_STUDY, **_first("study_id")),
    ("get_study", "200"): _each(
        ("study_trials", "study_history", "study_parallel", "study_importance", "study_lineage"),
        study_id="$request.path.study_id",
    ),
    ("list_workers", "200"): _each(_OF_WORKER, **_first("worker_id")),
    # ---- datasets and uploads
    ("create_dataset", "201"): _each(_OF_DATASET, **_said("name")),
    ("list_datasets", "200"): _each(_OF_DATASET, **_first("name")),
    ("get_dataset", "200"): _each(("list_dataset_versions", "add_version", "delete_dataset"), **_SAME_NAME),
    ("list_dataset_versions", "200"): [
        *_each(
            ("get_dataset_version", "download_dataset_version"),
            **_SAME_NAME, version="$response.body#/items/0/version",
        ),
        *_each(("delete_dataset",), **_SAME_NAME),
    ],
    ("add_version", "201"): [
        *_each(("get_dataset_version", "download_dataset_version"), **_said("name", "version")),
        *_each(("get_dataset", "list_dataset_versions", "delete_dataset"), **_said("name")),
    ],
    ("delete_dataset", "204"): _each(("get_dataset", "list_dataset_versions"), **_SAME_NAME),
    ("begin_upload", "201"): [
        *_each(_OF_UPLOAD, **_UPLOAD),
        Link("commit_code", {}, _UPLOAD),
        Link("add_version", {}, _UPLOAD),
    ],
    ("put_chunk", "200"): [
        *_each(_OF_UPLOAD, **_SAME_UPLOAD),
        Link("commit_code", {}, _SAME_UPLOAD),
        Link("add_version", {}, _SAME_UPLOAD),
    ],
    ("abort_upload", "204"): _each(("get_upload", "put_chunk"), **_SAME_UPLOAD),
    # ---- models
    ("list_models", "200"): _each(("get_model", "list_model_versions"), **_first("name")),
    ("get_model", "200"): [
        *_each(("list_model_versions",), **_SAME_NAME),
        Link("put_alias", _SAME_NAME, {"version": 1}),
    ],
    ("list_model_versions", "200"): [
        *_each(("get_model_version", "get_card"), **_first("name", "version")),
        Link("put_alias", _first("name"), _first("version")),
    ],
    ("put_alias", "200"): [
        *_each(("get_alias", "delete_alias"), **_SAME_ALIAS),
        Link("get_model_version", {**_SAME_NAME, "version": "$request.path.alias"}),
    ],
    ("get_alias", "200"): _each(("delete_alias",), **_SAME_ALIAS),
    ("delete_alias", "204"): _each(("get_alias", "delete_alias"), **_SAME_ALIAS),
    # ---- people, workspaces, keys
    ("create_user", "201"): [
        *_each((*_OF_USER, "set_member"), **_said(user="name")),
        Link("create_key", {}, _said(user="name")),
    ],
    ("list_users", "200"): _each(("get_user",), **_first(user="name")),
    ("get_user", "200"): _each(("change_user", "list_keys", "delete_user"), **_said(user="name")),
    ("change_user", "200"): _each(("get_user", "delete_user"), **_said(user="name")),
    ("delete_user", "204"): _each(("get_user", "change_user", "list_keys"), **_SAME_USER),
    ("create_workspace", "201"): [
        *_each((*_OF_WORKSPACE, "set_member", "list_jobs", "list_datasets"), **_said(workspace="name")),
    ],
    ("set_member", "204"): [
        *_each(("remove_member",), **_SAME_MEMBER),
        *_each(("list_members",), **_SAME_WORKSPACE),
        *_each(("get_user",), **_SAME_USER),
    ],
    ("remove_member", "204"): _each(("list_members", "delete_workspace"), **_SAME_WORKSPACE),
    ("delete_workspace", "204"): _each(("list_members", "delete_workspace"), **_SAME_WORKSPACE),
    ("create_key", "201"): _each(("revoke_key",), **_said("key_id")),
    ("list_keys", "200"): _each(("revoke_key",), **_first("key_id")),
    ("revoke_key", "200"): _each(("revoke_key",), **_said("key_id")),
    # ---- webhooks
    ("create_webhook", "201"): _each(_OF_WEBHOOK, **_said("webhook_id")),
    ("change_webhook", "200"): _each(("get_webhook", "delete_webhook"), **_SAME_HOOK),
    ("delete_webhook", "204"): _each(("get_webhook", "change_webhook"), **_SAME_HOOK),
}  # fmt: skip
"""By operation and status."""
