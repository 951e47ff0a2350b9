"""What each route needs.  One table: a route that is not in it does not exist for anybody.

`tests/unit/access/test_policy.py` holds the table against the API's own description, both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tensorfleet.access.model import Permission


class Where(StrEnum):
    """How it is found out which workspace a call is about."""

    OPEN = "open"  # needs nobody
    SIGNED_IN = "signed-in"  # whoever it is; what it may see of it, the use case decides
    PLATFORM = "platform"  # about the platform as a whole
    SOMEWHERE = "somewhere"  # in any workspace: the use case leaves out or refuses what is of others
    JOB = "job"  # the workspace of the job that the path names
    WORKSPACE = "workspace"  # the workspace in the query, `default` if none is


@dataclass(frozen=True)
class Rule:
    """`permission` in the workspace that `where` finds."""

    where: Where
    permission: Permission | None
    route: str


_TABLE = """
# outside of the API
GET    /                                                             open       -
GET    /health                                                       open       -
GET    /health/live                                                  open       -
GET    /health/ready                                                 open       -
GET    /api/docs                                                     open       -
GET    /api/openapi.json                                             open       -
GET    /api/docs/files/{path:path}                                   open       -
GET    /sign-in                                                      open       -
GET    /sign-in/program                                              open       -
GET    /sign-in/files/{path:path}                                    open       -
GET    /assets/{path:path}                                           open       -
GET    /manifest.webmanifest                                         open       -
GET    /sw.js                                                        open       -
GET    /icon.svg                                                     open       -
GET    /icon-192.png                                                 open       -
GET    /icon-512.png                                                 open       -
GET    /jobs                                                         open       -
GET    /jobs/{path:path}                                             open       -
GET    /studies                                                      open       -
GET    /studies/{path:path}                                          open       -
GET    /workers                                                      open       -
GET    /workers/{path:path}                                          open       -
GET    /datasets                                                     open       -
GET    /datasets/{path:path}                                         open       -
GET    /models                                                       open       -
GET    /models/{path:path}                                           open       -
GET    /pipelines                                                    open       -
GET    /pipelines/{path:path}                                        open       -
GET    /endpoints                                                    open       -
GET    /endpoints/{path:path}                                        open       -
GET    /monitors                                                     open       -
GET    /monitors/{path:path}                                         open       -
GET    /admin                                                        open       -
GET    /admin/{path:path}                                            open       -
GET    /settings                                                     open       -
GET    /settings/{path:path}                                         open       -
GET    /metrics                                                      platform   fleet:read
GET    /worker-activity                                              platform   fleet:read
# jobs; a fork reads one and submits another, which may be of another workspace
GET    /api/v1/jobs/{job_id}                                         job        jobs:read
GET    /api/v1/jobs/{job_id}/evaluation                              job        jobs:read
GET    /api/v1/jobs/{job_id}/leaderboard                             job        jobs:read
GET    /api/v1/jobs/{job_id}/why                                     job        jobs:read
GET    /api/v1/jobs/{job_id}/metrics                                 job        jobs:read
GET    /api/v1/jobs/{job_id}/metrics/summary                         job        jobs:read
GET    /api/v1/jobs/{job_id}/logs                                    job        jobs:read
GET    /api/v1/jobs/{job_id}/events                                  job        jobs:read
GET    /api/v1/jobs/{job_id}/tasks                                   job        jobs:read
GET    /api/v1/jobs/{job_id}/checkpoints                             job        jobs:read
GET    /api/v1/jobs/{job_id}/provenance                              job        jobs:read
GET    /api/v1/jobs/{job_id}/git-diff                                job        jobs:read
GET    /api/v1/jobs/{job_id}/diff/{other_id}                         job        jobs:read
GET    /api/v1/jobs/{job_id}/stream                                  job        jobs:read
GET    /api/v1/jobs/{job_id}/plots                                   job        jobs:read
GET    /api/v1/jobs/{job_id}/plots/{name}.svg                        job        jobs:read
GET    /api/v1/jobs/{job_id}/trials                                  job        jobs:read
GET    /api/v1/jobs/{job_id}/files                                   job        jobs:read
GET    /api/v1/jobs/{job_id}/files/{path:path}                       job        jobs:read
GET    /api/v1/jobs/{job_id}/waterfall                               job        jobs:read
GET    /api/v1/jobs/{job_id}/profile                                 job        jobs:read
DELETE /api/v1/jobs/{job_id}                                         job        jobs:write
POST   /api/v1/jobs/{job_id}/cancel                                  job        jobs:write
POST   /api/v1/jobs/{job_id}/pause                                   job        jobs:write
POST   /api/v1/jobs/{job_id}/resume                                  job        jobs:write
POST   /api/v1/jobs/{job_id}/retry                                   job        jobs:write
GET    /api/v1/jobs/{job_id}/ledger                                  job        ledger:read
POST   /api/v1/jobs/{job_id}/fork                                    job        jobs:read
POST   /api/v1/jobs/{job_id}/replay                                  job        jobs:write
GET    /api/v1/jobs                                                  somewhere  jobs:read
GET    /api/v1/jobs/counts                                           somewhere  jobs:read
GET    /api/v1/events                                                somewhere  jobs:read
GET    /api/v1/metrics                                               somewhere  jobs:read
POST   /api/v1/jobs                                                  somewhere  jobs:write
POST   /api/v1/jobs/batch                                            somewhere  jobs:write
POST   /api/v1/jobs/cancel                                           somewhere  jobs:write
POST   /api/v1/plan                                                  somewhere  jobs:write
POST   /api/v1/code                                                  somewhere  jobs:write
GET    /api/v1/algorithms                                            signed-in  -
# studies
GET    /api/v1/studies/{job_id}                                      job        jobs:read
GET    /api/v1/studies/{job_id}/parallel                             job        jobs:read
GET    /api/v1/studies/{job_id}/trials                               job        jobs:read
GET    /api/v1/studies/{job_id}/history                              job        jobs:read
GET    /api/v1/studies/{job_id}/lineage                              job        jobs:read
GET    /api/v1/studies/{job_id}/importance                           job        jobs:read
POST   /api/v1/studies/{job_id}/retry                                job        jobs:write
GET    /api/v1/studies                                               somewhere  jobs:read
# data; an upload is nobody's until it is committed: its id is as good as a key, and only who may write has one
GET    /api/v1/datasets                                              workspace  datasets:read
GET    /api/v1/datasets/{name}                                       workspace  datasets:read
GET    /api/v1/datasets/{name}/versions                              workspace  datasets:read
GET    /api/v1/datasets/{name}/lineage                               workspace  datasets:read
GET    /api/v1/datasets/{name}/versions/{version}                    workspace  datasets:read
GET    /api/v1/datasets/{name}/versions/{version}/download           workspace  datasets:read
GET    /api/v1/datasets/{name}/versions/{version}/rows               workspace  datasets:read
POST   /api/v1/datasets                                              workspace  datasets:write
DELETE /api/v1/datasets/{name}                                       workspace  datasets:write
POST   /api/v1/datasets/{name}/versions                              workspace  datasets:write
POST   /api/v1/uploads                                               somewhere  datasets:write
PUT    /api/v1/uploads/{upload_id}/chunks/{index}                    somewhere  datasets:write
GET    /api/v1/uploads/{upload_id}                                   somewhere  datasets:write
DELETE /api/v1/uploads/{upload_id}                                   somewhere  datasets:write
GET    /api/v1/download/{bucket}/{name:path}                         signed-in  -
# models
GET    /api/v1/models                                                somewhere  models:read
GET    /api/v1/models/{name}                                         workspace  models:read
GET    /api/v1/models/{name}/versions                                workspace  models:read
GET    /api/v1/models/{name}/lineage                                 workspace  models:read
GET    /api/v1/models/{name}/versions/{version}                      workspace  models:read
GET    /api/v1/models/{name}/versions/{version}/card                 workspace  models:read
GET    /api/v1/models/{name}/aliases/{alias}                         workspace  models:read
PUT    /api/v1/models/{name}/aliases/{alias}                         workspace  models:write
DELETE /api/v1/models/{name}/aliases/{alias}                         workspace  models:write
POST   /api/v1/models                                                workspace  models:write
# secrets: no route gives a value back
GET    /api/v1/secrets                                               workspace  secrets:read
PUT    /api/v1/secrets/{name}                                        workspace  secrets:write
DELETE /api/v1/secrets/{name}                                        workspace  secrets:write
POST   /api/v1/secrets/rotation                                      platform   platform:admin
# the fleet, and what it costs
GET    /api/v1/workers                                               somewhere  fleet:read
GET    /api/v1/workers/{worker_id}                                   somewhere  fleet:read
GET    /api/v1/workers/{worker_id}/usage                             somewhere  fleet:read
GET    /api/v1/fleet/usage                                           somewhere  fleet:read
GET    /api/v1/fleet/signal                                          somewhere  fleet:read
GET    /api/v1/fleet/scaling                                         somewhere  fleet:read
POST   /api/v1/workers/{worker_id}/drain                             platform   fleet:steer
POST   /api/v1/fleet/scale                                           platform   fleet:steer
POST   /api/v1/fleet/target                                          platform   fleet:steer
GET    /api/v1/ledger                                                somewhere  ledger:read
GET    /api/v1/budgets                                               somewhere  ledger:read
POST   /api/v1/workers/{worker_id}/quarantine                        platform   fleet:steer
POST   /api/v1/workers/{worker_id}/release                           platform   fleet:steer
POST   /api/v1/workers/{worker_id}/check                             platform   fleet:steer
GET    /api/v1/sla                                                   somewhere  ledger:read
# access: what depends on whose it is, the use case decides
POST   /api/v1/auth/token                                            open       -
POST   /api/v1/auth/refresh                                          open       -
POST   /api/v1/auth/session                                          open       -
GET    /api/v1/auth/oidc                                             open       -
GET    /api/v1/auth/oidc/{provider}/login                            open       -
GET    /api/v1/auth/oidc/{provider}/callback                         open       -
POST   /api/v1/auth/program                                          signed-in  -
POST   /api/v1/auth/ticket                                           signed-in  -
POST   /api/v1/auth/program/token                                    open       -
GET    /api/v1/auth/me                                               signed-in  -
POST   /api/v1/auth/logout                                           signed-in  -
GET    /api/v1/auth/sessions                                         signed-in  -
DELETE /api/v1/auth/sessions/{session_id}                            signed-in  -
POST   /api/v1/auth/password                                         signed-in  -
POST   /api/v1/auth/code                                             signed-in  -
PUT    /api/v1/auth/code                                             signed-in  -
GET    /api/v1/users/{user}                                          signed-in  -
GET    /api/v1/workspaces                                            signed-in  -
GET    /api/v1/keys                                                  signed-in  -
POST   /api/v1/keys                                                  signed-in  -
DELETE /api/v1/keys/{key_id}                                         signed-in  -
GET    /api/v1/workspaces/{workspace}/members                        signed-in  -
PUT    /api/v1/workspaces/{workspace}/members/{user}                 signed-in  -
DELETE /api/v1/workspaces/{workspace}/members/{user}                 signed-in  -
GET    /api/v1/users                                                 platform   platform:admin
POST   /api/v1/users                                                 platform   platform:admin
POST   /api/v1/users/{user}/identities                               platform   platform:admin
PATCH  /api/v1/users/{user}                                          platform   platform:admin
DELETE /api/v1/users/{user}                                          platform   platform:admin
POST   /api/v1/users/{user}/erase                                    platform   platform:admin
POST   /api/v1/workspaces                                            platform   platform:admin
DELETE /api/v1/workspaces/{workspace}                                platform   platform:admin
GET    /api/v1/workspaces/{workspace}/quota                          signed-in  -
PUT    /api/v1/workspaces/{workspace}/quota                          platform   platform:admin
DELETE /api/v1/workspaces/{workspace}/quota                          platform   platform:admin
# webhooks: of which workspace one is, the use case finds out
GET    /api/v1/webhooks                                              somewhere  workspace:admin
POST   /api/v1/webhooks                                              workspace  workspace:admin
GET    /api/v1/webhooks/{webhook_id}                                 somewhere  workspace:admin
PATCH  /api/v1/webhooks/{webhook_id}                                 somewhere  workspace:admin
DELETE /api/v1/webhooks/{webhook_id}                                 somewhere  workspace:admin
POST   /api/v1/webhooks/{webhook_id}/rotate                          somewhere  workspace:admin
POST   /api/v1/webhooks/{webhook_id}/test                            somewhere  workspace:admin
GET    /api/v1/webhooks/{webhook_id}/deliveries                      somewhere  workspace:admin
POST   /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend somewhere  workspace:admin
# what the platform runs with, and what is too old
GET    /api/v1/settings                                              platform   platform:admin
GET    /api/v1/retention/plan                                        platform   platform:admin
POST   /api/v1/retention/sweep                                       platform   platform:admin
# the audit log
GET    /api/v1/audit                                                 somewhere  audit:read
GET    /api/v1/audit/export                                          somewhere  audit:read
POST   /api/v1/audit/verify                                          platform   audit:read
"""


def _rules() -> dict[str, Rule]:
    found = {}
    for line in _TABLE.splitlines():
        if line and not line.startswith("#"):
            method, route, where, permission = line.split()
            needed = None if permission == "-" else Permission(permission)
            found[f"{method} {route}"] = Rule(Where(where), needed, route)
    return found


RULES: Mapping[str, Rule] = _rules()


@dataclass
class _Node:
    """The routes that go on from here."""

    rules: dict[str, Rule] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    fixed: dict[str, _Node] = field(default_factory=dict)
    one: _Node | None = None  # any segment
    rest: _Node | None = None  # any path


class Matcher:
    """Finds the rule of a request: like the router, by whole segments, the fixed ones first."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._root = _Node()
        for route, rule in rules.items():
            method, _, path = route.partition(" ")
            node = self._root
            names: list[str] = []
            for segment in path.split("/")[1:]:
                node = _step(node, segment, names)
            node.rules[method] = rule
            node.names = tuple(names)

    def find(self, method: str, path: str) -> tuple[Rule | None, dict[str, str], tuple[str, ...]]:
        """The rule, what the path names, and, if there is no rule for this method, for which ones there is."""
        allowed: tuple[str, ...] = ()
        for node, values in _ways(self._root, path.split("/")[1:]):
            rule = node.rules.get(method)
            if rule is not None:
                return rule, dict(zip(node.names, values, strict=True)), ()
            allowed = allowed or tuple(sorted(node.rules))
        return None, {}, allowed


def _step(node: _Node, segment: str, names: list[str]) -> _Node:
    """The node after one more segment of a pattern, made if there is none."""
    if not segment.startswith("{"):
        return node.fixed.setdefault(segment, _Node())
    name, _, tail = segment[1:].partition("}")
    name, _, kind = name.partition(":")
    names.append(name)
    if kind == "path":
        node.rest = node.rest or _Node()
        return node.rest
    del tail  # of `{name}.svg`: that the segment ends so, the router sees to
    node.one = node.one or _Node()
    return node.one


def _ways(node: _Node, segments: list[str], at: int = 0) -> Iterable[tuple[_Node, tuple[str, ...]]]:
    """All nodes that the path may mean, with the values of what is named, the most exact one first."""
    if at == len(segments):
        if node.rules:
            yield node, ()
        return
    segment = segments[at]
    fixed = node.fixed.get(segment)
    if fixed is not None:
        yield from _ways(fixed, segments, at + 1)
    if node.one is not None and segment:
        for found, values in _ways(node.one, segments, at + 1):
            yield found, (segment, *values)
    if node.rest is not None:
        yield node.rest, ("/".join(segments[at:]),)
