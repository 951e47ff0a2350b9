"""`tensorfleet users` and `tensorfleet workspaces`."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from tensorfleet.cli import completing, session
from tensorfleet.cli.session import AsJson
from tensorfleet.cli.sign_in import FromStdin, ask_password

users = typer.Typer(no_args_is_help=True, help="See and change who has an account.")
workspaces = typer.Typer(no_args_is_help=True, help="See and change workspaces, and who is in them.")

UserName = Annotated[str, typer.Argument(metavar="USER", autocompletion=completing.users)]
WorkspaceName = Annotated[str, typer.Argument(metavar="WORKSPACE", autocompletion=completing.workspaces)]


class Role(StrEnum):
    ADMIN = "admin"
    USER = "user"
    VIEWER = "viewer"
    SERVICE = "service"


@users.command("list")
def list_users(as_json: AsJson = False) -> None:
    """List the accounts."""
    from tensorfleet.cli.output import ago, emit_json, print_table

    with session.connect() as client:
        found = client.access.users()
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            one["name"],
            "service" if one["service"] else "person",
            one["role"] or "",
            "closed" if one["disabled"] else "",
            ago(one["last_login_at"]) if one["last_login_at"] else "",
        )
        for one in found
    ]
    empty = "There are no accounts; make one with `tensorfleet users add NAME --role user`."
    print_table(("name", "kind", "everywhere", "state", "signed in"), rows, empty=empty)


@users.command("show")
def show_user(name: UserName, as_json: AsJson = False) -> None:
    """Show an account and its roles."""
    from tensorfleet.cli.output import ago, emit_json, print_pairs

    with session.connect() as client:
        found = client.access.user(name)
    if as_json:
        emit_json(found)
        return
    pairs = [
        ("role everywhere", f"{found['role']}, by a {found['role_given_by']}" if found["role"] else ""),
        ("workspaces", ", ".join(f"{workspace}: {role}" for workspace, role in found["workspaces"].items())),
        ("email", found["email"] or ""),
        ("second factor", "yes" if found["has_code"] else "no"),
        ("state", "closed" if found["disabled"] else "open"),
        ("made", ago(found["created_at"])),
    ]
    print_pairs(found["name"], pairs)


@users.command("add")
def add_user(
    name: UserName,
    role: Annotated[Role | None, typer.Option(help="Held in every workspace.")] = None,
    email: Annotated[str | None, typer.Option(help="Where notices go.")] = None,
    service: Annotated[
        bool, typer.Option("--service", help="A program: it gets keys and no password.")
    ] = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Signs in at an OpenID provider only; see `users link`.")
    ] = False,
    password_stdin: FromStdin = False,
    as_json: AsJson = False,
) -> None:
    """Make an account; without --service or --no-password it asks for a password."""
    from tensorfleet.cli.output import emit_json

    password = None if service or no_password else ask_password("Password", password_stdin, again=True)
    with session.connect() as client:
        found = client.access.add_user(
            name, password, role=role.value if role else None, email=email, service=service
        )
    if as_json:
        emit_json(found)
    else:
        sys.stdout.write(f"Made {found['name']}.\n")


@users.command("link")
def link_user(
    name: UserName,
    provider: Annotated[str, typer.Option(help="The OpenID provider's name in the settings.")],
    subject: Annotated[str, typer.Option(help="What the provider calls this person: the claim `sub`.")],
) -> None:
    """Let somebody into an account who signs in at an OpenID provider."""
    with session.connect() as client:
        client.access.link_user(name, provider, subject)
    sys.stdout.write(f"Linked {name}.\n")


@users.command("change")
def change_user(
    name: UserName,
    role: Annotated[Role | None, typer.Option(help="Held in every workspace.")] = None,
    no_role: Annotated[bool, typer.Option("--no-role", help="None: only those in workspaces.")] = False,
    email: Annotated[str | None, typer.Option(help="Where notices go.")] = None,
    close: Annotated[
        bool | None, typer.Option("--close/--open", help="Lets nobody in with it, or again.")
    ] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new one.")] = False,
    reset_code: Annotated[bool, typer.Option("--reset-code", help="Take the second factor away.")] = False,
) -> None:
    """Change an account; a closed one, and one with a new password, is signed out everywhere."""
    changes: dict[str, Any] = {}
    if role or no_role:
        changes["role"] = role.value if role else None
    if email is not None:
        changes["email"] = email
    if close is not None:
        changes["disabled"] = close
    if password:
        changes["password"] = ask_password("New password", False, again=True)
    if reset_code:
        changes["reset_code"] = True
    if not changes:
        raise typer.BadParameter("say what to change: --role, --email, --close, --password or --reset-code")
    with session.connect() as client:
        client.access.change_user(name, **changes)
    sys.stdout.write(f"Changed {name}.\n")


@users.command("remove")
def remove_user(name: UserName) -> None:
    """Delete an account, with its keys and roles; what it made stays."""
    with session.connect() as client:
        client.access.delete_user(name)
    sys.stdout.write(f"Removed {name}.\n")


@users.command("erase")
def erase_user(
    name: Annotated[
        str, typer.Argument(metavar="USER", help="A name, or the id; also of a deleted account.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete an account and make unreadable, for good, what is kept of its person; what it made stays."""
    if not yes:
        typer.confirm(f"Erase {name}? Nobody can undo it", abort=True)
    with session.connect() as client:
        person = client.access.erase_user(name)
    sys.stdout.write(f"Erased; {person} stands in its place.\n")


@workspaces.command("list")
def list_workspaces(as_json: AsJson = False) -> None:
    """List the workspaces that you are in."""
    from tensorfleet.cli.output import ago, emit_json, print_table

    with session.connect() as client:
        found = client.access.workspaces()
    if as_json:
        emit_json(found)
        return
    rows = [(one["name"], one["description"] or "", ago(one["created_at"])) for one in found]
    empty = "There are none but 'default'; make one with `tensorfleet workspaces add NAME`."
    print_table(("name", "description", "made"), rows, empty=empty)


@workspaces.command("show")
def show_workspace(name: WorkspaceName, as_json: AsJson = False) -> None:
    """Show who is in a workspace."""
    from tensorfleet.cli.output import emit_json, print_table

    with session.connect() as client:
        found = client.access.members(name)
    if as_json:
        emit_json(found)
        return
    rows = [
        (one["user"], one["role"], "service" if one["service"] else "person", one["given_by"])
        for one in found
    ]
    empty = f"Nobody is in it; `tensorfleet workspaces join {name} USER --role user` lets somebody in."
    print_table(("user", "role", "kind", "given by"), rows, empty=empty)


@workspaces.command("add")
def add_workspace(
    name: WorkspaceName,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
) -> None:
    """Make a workspace: its jobs, datasets and models are invisible to those who are not in it."""
    with session.connect() as client:
        client.access.add_workspace(name, description)
    sys.stdout.write(f"Made {name}.\n")


@workspaces.command("remove")
def remove_workspace(name: WorkspaceName) -> None:
    """Delete an empty workspace."""
    with session.connect() as client:
        client.access.delete_workspace(name)
    sys.stdout.write(f"Removed {name}.\n")


@workspaces.command("join")
def join_workspace(
    name: WorkspaceName,
    user: UserName,
    role: Annotated[Role, typer.Option(help="What the user may do in it.")] = Role.USER,
) -> None:
    """Let somebody into a workspace, or change what the user may do there."""
    with session.connect() as client:
        client.access.set_member(name, user, role.value)
    sys.stdout.write(f"{user} is {role.value} in {name}.\n")


@workspaces.command("leave")
def leave_workspace(name: WorkspaceName, user: UserName) -> None:
    """Take somebody out of a workspace."""
    with session.connect() as client:
        client.access.remove_member(name, user)
    sys.stdout.write(f"{user} is not in {name} any more.\n")
