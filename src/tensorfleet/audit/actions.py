"""What calls are named in the audit log, by method and route.  Pure.

A test holds that each route which changes something has its line here: who adds a route adds the line.
"""

from __future__ import annotations

from dataclasses import dataclass

from tensorfleet.access.policy import RULES, Matcher


@dataclass(frozen=True)
class Operation:
    """One kind of call.

    Attributes:
        target: how the thing that is meant is called, of the route's names; others are told by `audit.current.note`.
        folded: calls for the same thing that follow within a minute are counted, and become one entry.
    """

    action: str
    kind: str | None = None
    target: str | None = None
    folded: bool = False


@dataclass(frozen=True)
class Call:
    """One call, named."""

    action: str
    kind: str | None
    target: str | None
    folded: bool
    is_read: bool


CHANGES: dict[str, Operation] = {
    "POST /jobs": Operation("jobs.submit", "job"),
    "POST /jobs/batch": Operation("jobs.submit_batch", "job"),
    "POST /jobs/cancel": Operation("jobs.cancel_many", "job"),
    "DELETE /jobs/{job_id}": Operation("jobs.delete", "job", "{job_id}"),
    "POST /jobs/{job_id}/cancel": Operation("jobs.cancel", "job", "{job_id}"),
    "POST /jobs/{job_id}/pause": Operation("jobs.pause", "job", "{job_id}"),
    "POST /jobs/{job_id}/resume": Operation("jobs.resume", "job", "{job_id}"),
    "POST /jobs/{job_id}/retry": Operation("jobs.retry", "job", "{job_id}"),
    "POST /jobs/{job_id}/fork": Operation("jobs.fork", "job", "{job_id}"),
    "POST /jobs/{job_id}/replay": Operation("jobs.replay", "job", "{job_id}"),
    "POST /studies/{job_id}/retry": Operation("studies.retry", "job", "{job_id}"),
    "POST /code": Operation("code.add", "code"),
    "POST /datasets": Operation("datasets.create", "dataset"),
    "DELETE /datasets/{name}": Operation("datasets.delete", "dataset", "{name}"),
    "POST /datasets/{name}/versions": Operation("datasets.add_version", "dataset", "{name}"),
    "POST /uploads": Operation("uploads.begin", "upload"),
    "PUT /uploads/{upload_id}/chunks/{index}": Operation(
        "uploads.add_chunk", "upload", "{upload_id}", folded=True
    ),
    "DELETE /uploads/{upload_id}": Operation("uploads.abort", "upload", "{upload_id}"),
    "POST /models": Operation("models.register", "model"),
    "PUT /models/{name}/aliases/{alias}": Operation("models.set_alias", "model", "{name}@{alias}"),
    "DELETE /models/{name}/aliases/{alias}": Operation("models.delete_alias", "model", "{name}@{alias}"),
    "POST /workers/{worker_id}/drain": Operation("workers.drain", "worker", "{worker_id}"),
    "POST /workers/{worker_id}/quarantine": Operation("workers.quarantine", "worker", "{worker_id}"),
    "POST /workers/{worker_id}/release": Operation("workers.release", "worker", "{worker_id}"),
    "POST /workers/{worker_id}/check": Operation("workers.check", "worker", "{worker_id}"),
    "POST /fleet/scale": Operation("fleet.scale", "fleet"),
    "POST /fleet/target": Operation("fleet.set_target", "fleet"),
    "POST /auth/token": Operation("auth.sign_in", "user"),
    "POST /auth/refresh": Operation("auth.refresh", "session"),
    "POST /auth/session": Operation("auth.sign_in_browser", "user"),
    "GET /auth/oidc/{provider}/callback": Operation("auth.sign_in_oidc", "provider", "{provider}"),
    "POST /auth/program": Operation("auth.let_program_in", "session"),
    "POST /auth/ticket": Operation("auth.let_browser_in", "user"),
    "POST /auth/program/token": Operation("auth.sign_in_program", "session"),
    "POST /auth/logout": Operation("auth.sign_out", "session"),
    "DELETE /auth/sessions/{session_id}": Operation("auth.end_session", "session", "{session_id}"),
    "POST /auth/password": Operation("auth.set_password", "user"),
    "POST /auth/code": Operation("auth.begin_code", "user"),
    "PUT /auth/code": Operation("auth.set_code", "user"),
    "POST /users": Operation("users.add", "user"),
    "POST /users/{user}/identities": Operation("users.link", "user", "{user}"),
    "PATCH /users/{user}": Operation("users.change", "user", "{user}"),
    "DELETE /users/{user}": Operation("users.delete", "user", "{user}"),
    "POST /users/{user}/erase": Operation("users.erase", "user"),
    "POST /workspaces": Operation("workspaces.add", "workspace"),
    "DELETE /workspaces/{workspace}": Operation("workspaces.delete", "workspace", "{workspace}"),
    "PUT /workspaces/{workspace}/quota": Operation("workspaces.set_quota", "workspace", "{workspace}"),
    "DELETE /workspaces/{workspace}/quota": Operation("workspaces.reset_quota", "workspace", "{workspace}"),
    "PUT /workspaces/{workspace}/members/{user}": Operation(
        "workspaces.set_member", "member", "{workspace}/{user}"
    ),
    "DELETE /workspaces/{workspace}/members/{user}": Operation(
        "workspaces.remove_member", "member", "{workspace}/{user}"
    ),
    "PUT /secrets/{name}": Operation("secrets.set", "secret", "{name}"),
    "DELETE /secrets/{name}": Operation("secrets.delete", "secret", "{name}"),
    "POST /secrets/rotation": Operation("secrets.rotate", "secret"),
    "POST /keys": Operation("keys.add", "key"),
    "DELETE /keys/{key_id}": Operation("keys.revoke", "key", "{key_id}"),
    "POST /webhooks": Operation("webhooks.add", "webhook"),
    "PATCH /webhooks/{webhook_id}": Operation("webhooks.change", "webhook", "{webhook_id}"),
    "DELETE /webhooks/{webhook_id}": Operation("webhooks.delete", "webhook", "{webhook_id}"),
    "POST /webhooks/{webhook_id}/rotate": Operation("webhooks.rotate", "webhook", "{webhook_id}"),
    "POST /webhooks/{webhook_id}/test": Operation("webhooks.test", "webhook", "{webhook_id}"),
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/resend": Operation(
        "webhooks.resend", "webhook_delivery", "{delivery_id}"
    ),
    "POST /retention/sweep": Operation("retention.sweep", "retention"),
    "POST /audit/verify": Operation("audit.verify", "audit"),
}

READS: dict[str, Operation] = {
    "GET /download/{bucket}/{name:path}": Operation(
        "files.download", "object", "{bucket}/{name}", folded=True
    ),
    "GET /datasets/{name}/versions/{version}/download": Operation(
        "datasets.download", "dataset", "{name}@{version}", folded=True
    ),
    "GET /datasets/{name}/versions/{version}/rows": Operation(
        "datasets.read_rows", "dataset", "{name}@{version}", folded=True
    ),
    "GET /jobs/{job_id}/files/{path:path}": Operation(
        "jobs.download_file", "job_file", "{job_id}/{path}", folded=True
    ),
    "GET /jobs/{job_id}/logs": Operation("jobs.read_log", "job", "{job_id}", folded=True),
    "GET /jobs/{job_id}/git-diff": Operation("jobs.read_git_diff", "job", "{job_id}", folded=True),
    "GET /audit": Operation("audit.read", "audit", folded=True),
    "GET /audit/export": Operation("audit.export", "audit"),
}
"""Ways out for data."""

CHANGE_NOTHING = frozenset({"POST /plan"})
"""Questions that are asked with a body."""
UNKNOWN = Operation("unknown")
_ROUTES = Matcher(RULES)


def name_call(method: str, path: str) -> Call | None:
    """What to record of a call; None for one that neither changes something nor hands out data."""
    rule, names, _ = _ROUTES.find(method, path)
    if rule is None:
        return None
    route = f"{method} {rule.route.removeprefix('/api/v1')}"
    is_read = route not in CHANGES and method == "GET"
    operation = READS.get(route) if is_read else CHANGES.get(route, UNKNOWN)
    if operation is None or route in CHANGE_NOTHING:
        return None
    target = operation.target.format(**names) if operation.target is not None else None
    return Call(operation.action, operation.kind, target, operation.folded, is_read)
