"""The table of routes, against the API's own description, and how a request finds its rule."""

from __future__ import annotations

import re

import pytest

from tensorfleet.access.model import Permission
from tensorfleet.access.policy import RULES, Matcher, Rule, Where
from tensorfleet.gateway.web_page import FILES, PLACES
from tensorfleet.testing.description import describe_api, operations

ELSEWHERE = {
    "GET /", "GET /api/docs", "GET /api/openapi.json", "GET /api/docs/files/{path:path}",
    "GET /sign-in", "GET /sign-in/program", "GET /sign-in/files/{path:path}", "GET /assets/{path:path}",
    *(f"GET /{name}" for name in FILES), *(f"GET /{place}{more}" for place in PLACES for more in ("", "/{path:path}")),
}  # fmt: skip
"""Not described: they are the description, and pages."""
SIGNING_IN = {
    "POST /api/v1/auth/token", "POST /api/v1/auth/refresh", "POST /api/v1/auth/session", "POST /api/v1/auth/program/token",
    "GET /api/v1/auth/oidc", "GET /api/v1/auth/oidc/{provider}/login", "GET /api/v1/auth/oidc/{provider}/callback",
}  # fmt: skip


def plain(route: str) -> str:
    """The route without the names of what varies."""
    return re.sub(r"\{[^}]*\}", "{}", route)


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    described = {plain(f"{method} {path}") for method, path, _ in operations(describe_api())}
    ruled = {plain(route) for route in RULES}
    assert described - ruled == set(), "nobody can call these: give each a line in access/policy.py"
    assert ruled - described == {plain(route) for route in ELSEWHERE}, "lines for routes that there are not"


def test_only_what_has_to_be_open_is_open() -> None:
    found = {route for route, rule in RULES.items() if rule.where is Where.OPEN}
    health = {"GET /health", "GET /health/live", "GET /health/ready"}
    assert found == ELSEWHERE | health | SIGNING_IN


def test_whatever_changes_something_needs_more_than_reading() -> None:
    lenient = {
        route
        for route, rule in RULES.items()
        if not route.startswith("GET")
        and rule.permission is not None
        and rule.permission.value.endswith(":read")
    }
    # A fork asks again where its job is to go; the other changes nothing.
    assert lenient == {
        "POST /api/v1/jobs/{job_id}/fork",
        "POST /api/v1/audit/verify",
    }


@pytest.mark.parametrize(
    ("method", "path", "route", "named"),
    [
        ("GET", "/api/v1/jobs", "/api/v1/jobs", {}),
        ("GET", "/api/v1/jobs/j-1", "/api/v1/jobs/{job_id}", {"job_id": "j-1"}),
        ("POST", "/api/v1/jobs/batch", "/api/v1/jobs/batch", {}),
        ("DELETE", "/api/v1/jobs/batch", "/api/v1/jobs/{job_id}", {"job_id": "batch"}),
        ("GET", "/api/v1/jobs/j-1/files/a/b", "/api/v1/jobs/{job_id}/files/{path:path}", {"job_id": "j-1", "path": "a/b"}),
        ("GET", "/api/v1/download/models/", "/api/v1/download/{bucket}/{name:path}", {"bucket": "models", "name": ""}),
        ("GET", "/api/v1/jobs/j-1/plots/a.svg", "/api/v1/jobs/{job_id}/plots/{name}.svg", {"job_id": "j-1", "name": "a.svg"}),
        ("GET", "/", "/", {}),
    ],
)  # fmt: skip
def test_a_request_finds_its_rule(method: str, path: str, route: str, named: dict[str, str]) -> None:
    rule, names, _ = Matcher(RULES).find(method, path)
    assert rule is not None
    assert (rule.route, names) == (route, named)


@pytest.mark.parametrize(
    "path",
    ["/api/v1/jobs/", "/api/v1//jobs", "/api/v1/jobs/j-1/", "/api/v1/nothing", "", "//", "/api/v1/users/a/b", "/API/v1/jobs"],
)  # fmt: skip
def test_what_the_table_does_not_have_is_not_there(path: str) -> None:
    assert Matcher(RULES).find("GET", path)[0] is None


def test_another_method_is_told_which_there_are() -> None:
    rule, _, allowed = Matcher(RULES).find("PATCH", "/api/v1/jobs")
    assert rule is None
    assert allowed == ("GET", "POST")


def test_what_is_fixed_goes_before_what_varies() -> None:
    rules = {
        "GET /a/{x}": Rule(Where.JOB, Permission.JOBS_READ, "varies"),
        "GET /a/b": Rule(Where.OPEN, None, "fixed"),
    }
    matcher = Matcher(rules)
    assert matcher.find("GET", "/a/b")[0] == rules["GET /a/b"]
    assert matcher.find("GET", "/a/c")[0] == rules["GET /a/{x}"]
