from __future__ import annotations

import pytest

from tensorfleet.access.policy import RULES
from tensorfleet.audit.actions import CHANGE_NOTHING, CHANGES, READS, Call, name_call

ROUTES = {route.replace(" /api/v1/", " /") for route in RULES}


def test_every_route_that_changes_something_has_a_name() -> None:
    changing = {route for route in ROUTES if not route.startswith("GET ")}
    # A provider sends people back with a GET, and whoever comes with it is signed in.
    assert changing | {"GET /auth/oidc/{provider}/callback"} == CHANGES.keys() | CHANGE_NOTHING


def test_every_way_out_for_data_is_a_route() -> None:
    assert READS.keys() <= ROUTES
    downloads = {
        route for route in ROUTES if route.startswith("GET ") and ("download" in route or "export" in route)
    }
    assert downloads <= READS.keys()


def test_names_are_stable_words() -> None:
    names = [operation.action for operation in [*CHANGES.values(), *READS.values()]]
    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").replace(".", "").isalpha() and name.count(".") == 1 for name in names)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/jobs/j-1/cancel", Call("jobs.cancel", "job", "j-1", folded=False, is_read=False)),
        (
            "PUT",
            "/models/m/aliases/{alias}",
            Call("models.set_alias", "model", "m@{alias}", folded=False, is_read=False),
        ),
        (
            "GET",
            "/download/models/a/b.bin",
            Call("files.download", "object", "models/a/b.bin", folded=True, is_read=True),
        ),
        (
            "GET",
            "/auth/oidc/company/callback",
            Call("auth.sign_in_oidc", "provider", "company", folded=False, is_read=False),
        ),
        ("GET", "/jobs", None),
        ("POST", "/plan", None),
        ("POST", "/nothing/here", None),
    ],
)
def test_calls_are_named(method: str, path: str, expected: Call | None) -> None:
    assert name_call(method, f"/api/v1{path}") == expected


def test_what_stands_outside_the_api_is_not_recorded() -> None:
    assert name_call("GET", "/metrics") is None
    assert name_call("GET", "/health") is None
