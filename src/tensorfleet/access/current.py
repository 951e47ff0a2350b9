"""The caller of the request that is being answered.

A context variable, as the trace is: threads that answer a request (`asyncio.to_thread`) inherit it.  Where there is no request
(orchestrator, tuner, monitor) nobody asks here.  Where somebody asks and nobody is known, everything is refused.
"""

from __future__ import annotations

from contextvars import ContextVar

from tensorfleet.access.model import Permission, Principal
from tensorfleet.audit.current import note
from tensorfleet.errors import NotAuthenticated, NotFound, NotPermitted

caller: ContextVar[Principal | None] = ContextVar("caller", default=None)


def the_caller() -> Principal:
    """Who calls.

    Raises:
        NotAuthenticated: nobody has said who.
    """
    found = caller.get()
    if found is None:
        raise NotAuthenticated("this call needs somebody who is signed in")
    return found


def require(permission: Permission, workspace: str | None = None) -> None:
    """Returns if the caller may do this there (None: on the platform as a whole).

    Raises:
        NotFound: the caller is not in the workspace, and does not learn whether there is one.
        NotPermitted: the caller's role does not allow it.
    """
    who = the_caller()
    note(workspace=workspace)
    if who.may(permission, workspace):
        return
    if workspace is not None and not who.knows(workspace):
        raise no_workspace(workspace)
    raise not_permitted(who, permission, workspace)


def visible(permission: Permission) -> tuple[str, ...] | None:
    """The workspaces that the caller may do this in; None for all."""
    return the_caller().workspaces(permission)


def visible_of(permission: Permission, workspace: str | None) -> tuple[str, ...] | None:
    """The same, of one workspace if it is named.

    Raises:
        NotFound, NotPermitted: as `require`.
    """
    if workspace is None:
        return visible(permission)
    require(permission, workspace)
    return (workspace,)


class CallersRights:
    """What the caller may do with jobs, as the jobs' use cases ask it."""

    def readable(self) -> tuple[str, ...] | None:
        return visible(Permission.JOBS_READ)

    def check_write(self, workspace: str) -> None:
        require(Permission.JOBS_WRITE, workspace)

    def check_secrets(self, workspace: str) -> None:
        require(Permission.SECRETS_READ, workspace)


def no_workspace(name: str) -> NotFound:
    return NotFound(
        f"there is no workspace '{name[:100]}', or you are not in it; `tensorfleet workspaces list` shows yours, "
        "and TENSORFLEET_WORKSPACE chooses one"
    )


def not_permitted(who: Principal, permission: Permission, workspace: str | None) -> NotPermitted:
    where = f"in workspace '{workspace}'" if workspace is not None else "on this platform"
    return NotPermitted(
        f"'{who.name}' may not do this {where}: it needs the permission {permission.value}; ask an administrator"
    )
