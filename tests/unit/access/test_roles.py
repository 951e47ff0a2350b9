"""What roles come to, and how a key narrows them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tensorfleet.access.current import caller, require, visible, visible_of
from tensorfleet.access.model import PERMISSIONS, ROOT, Permission, Principal, Role, User, principal_of
from tensorfleet.errors import NotAuthenticated, NotFound, NotPermitted

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ANNA = User("u-1", "anna", NOW)


def principal(role: Role | None = None, **memberships: Role) -> Principal:
    return principal_of(User("u-1", "anna", NOW, role=role), memberships)


def test_each_role_may_what_those_below_it_may() -> None:
    assert PERMISSIONS[Role.VIEWER] < PERMISSIONS[Role.USER] < PERMISSIONS[Role.ADMIN]
    assert not any(
        permission.value.endswith((":write", ":steer", ":admin")) for permission in PERMISSIONS[Role.VIEWER]
    )
    assert PERMISSIONS[Role.ADMIN] == set(Permission)


def test_a_role_in_a_workspace_is_worth_nothing_elsewhere() -> None:
    anna = principal(team=Role.ADMIN, other=Role.VIEWER)
    assert anna.may(Permission.JOBS_WRITE, "team")
    assert anna.may(Permission.WORKSPACE_ADMIN, "team")
    assert anna.may(Permission.JOBS_READ, "other")
    assert not anna.may(Permission.JOBS_WRITE, "other")
    assert not anna.may(Permission.JOBS_READ, "third")
    assert not anna.may(Permission.JOBS_READ), "the platform is no workspace"
    for permission in (Permission.FLEET_STEER, Permission.PLATFORM_ADMIN):
        assert not anna.may(permission, "team"), "an administrator of a workspace does not own the platform"
    assert anna.workspaces(Permission.JOBS_READ) == ("other", "team")
    assert anna.workspaces(Permission.JOBS_WRITE) == ("team",)


def test_a_role_everywhere_holds_in_workspaces_that_are_still_to_come() -> None:
    viewer = principal(Role.VIEWER, team=Role.USER)
    assert viewer.may(Permission.JOBS_READ, "anything")
    assert viewer.workspaces(Permission.JOBS_READ) is None
    assert viewer.may(Permission.JOBS_WRITE, "team")
    assert not viewer.may(Permission.JOBS_WRITE, "anything")
    assert ROOT.may(Permission.PLATFORM_ADMIN)


@pytest.mark.parametrize("role", list(Role))
def test_a_key_never_widens(role: Role) -> None:
    whole = principal(role, team=Role.USER)
    for scopes in ([], [Permission.JOBS_READ], list(Permission)):
        for bound in (None, "team", "other"):
            key = whole.narrowed(scopes, bound, via="key", credential="k-1")
            for permission in Permission:
                for workspace in (None, "team", "other", "third"):
                    if key.may(permission, workspace):
                        assert whole.may(permission, workspace)
                        assert permission in scopes
                        assert bound in (None, workspace)


def test_a_key_for_one_workspace_knows_no_other() -> None:
    key = principal(Role.ADMIN).narrowed(list(Permission), "team", via="key")
    assert key.may(Permission.JOBS_WRITE, "team")
    assert not key.may(Permission.PLATFORM_ADMIN, "team")
    assert not key.knows("other")
    assert key.workspaces(Permission.JOBS_READ) == ("team",)


def test_nobody_may_nothing() -> None:
    with pytest.raises(NotAuthenticated):
        require(Permission.JOBS_READ, "team")


def test_a_foreign_workspace_looks_as_if_it_were_not_there() -> None:
    token = caller.set(principal(team=Role.VIEWER))
    try:
        require(Permission.JOBS_READ, "team")
        with pytest.raises(NotPermitted, match="jobs:write"):
            require(Permission.JOBS_WRITE, "team")
        with pytest.raises(NotFound, match="'other'"):
            require(Permission.JOBS_READ, "other")
        with pytest.raises(NotPermitted, match="on this platform"):
            require(Permission.FLEET_STEER)
        assert visible(Permission.JOBS_READ) == ("team",)
        assert visible_of(Permission.JOBS_READ, "team") == ("team",)
        with pytest.raises(NotFound):
            visible_of(Permission.JOBS_READ, "other")
    finally:
        caller.reset(token)
