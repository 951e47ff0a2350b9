"""`tensorfleet login`, `open`, `logout`, `whoami` and `passwd`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson
from tensorfleet.errors import InvalidInput, NotAuthenticated, Unavailable

if TYPE_CHECKING:
    from tensorfleet.sdk.client import Client

FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def login(
    username: Annotated[
        str | None, typer.Option("--user", "-u", help="Your name: signs in by password, without a browser.")
    ] = None,
    password_stdin: FromStdin = False,
    code: Annotated[str | None, typer.Option(help="Of your second factor, if you have one.")] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address to open instead of opening it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sign in at the server that TENSORFLEET_URL or the home names; later commands are yours."""
    from tensorfleet.cli.output import emit_json

    if username is None and (password_stdin or code is not None):
        raise InvalidInput("a password or a code is somebody's; say whose with --user NAME")
    with session.connect() as client:
        if username is None:
            found = client.access.sign_in_by_browser(_shown if no_browser else _opened)
        else:
            found = _by_password(
                client, username, ask_password("Password", password_stdin), code, password_stdin
            )
        url = client.url
    if as_json:
        emit_json(found)
    else:
        sys.stdout.write(f"Signed in at {url} as {found['username']}: {_rights(found)}.\n")


def _by_password(
    client: Client, username: str, password: str, code: str | None, unasked: bool
) -> dict[str, Any]:
    try:
        return client.access.sign_in(username, password, code)
    except NotAuthenticated as error:
        if "second factor" not in error.detail or unasked:
            raise
        return client.access.sign_in(username, password, typer.prompt("Code"))


def _shown(address: str) -> None:
    # Not as other remarks, which are broken into lines as wide as the terminal.
    sys.stderr.write(f"Open this address with a browser on this machine:\n{address}\n")


def _opened(address: str) -> None:
    """The address is printed as well: a browser that opens may be the wrong one, or none that anybody sees."""
    import webbrowser

    if webbrowser.open(address):
        sys.stderr.write(
            f"Go on in the browser.  If none has opened, open this address on this machine:\n{address}\n"
        )
    else:
        _shown(address)


def open_page(
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the address instead of opening it: over SSH, for instance.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Open the web page in a browser that is signed in as you; the address is good once, for a minute."""
    from tensorfleet.cli.output import emit_json

    shown = only_print or as_json
    with session.connect() as client:
        found = client.access.open_page(_unseen if shown else _opened_page)
    if as_json:
        emit_json(found)
    elif only_print:
        sys.stdout.write(f"{found['url']}\n")
    else:
        sys.stdout.write(f"The page opens, signed in as {found['username']}.\n")


def _unseen(address: str) -> None:
    """The caller prints it."""


def _opened_page(address: str) -> None:
    import webbrowser

    if not webbrowser.open(address):
        raise Unavailable(
            "no browser opens on this machine; `tensorfleet open --print` prints an address for one elsewhere"
        )


def logout() -> None:
    """End the session that `login` began."""
    with session.connect() as client:
        client.access.sign_out()
    sys.stdout.write("Signed out.\n")


def whoami(as_json: AsJson = False) -> None:
    """Say who you are for the server, and what you may do where."""
    from tensorfleet.cli.output import emit_json

    with session.connect() as client:
        found = client.access.me()
    if as_json:
        emit_json(found)
    else:
        sys.stdout.write(f"{found['username']} (by {found['via']}): {_rights(found)}\n")


def passwd() -> None:
    """Change your own password; your other sessions end."""
    old, new = ask_password("Old password", False), ask_password("New password", False, again=True)
    with session.connect() as client:
        client.access.change_password(old, new)
    sys.stdout.write("Changed.\n")


def register(app: typer.Typer) -> None:
    for command in (login, logout, whoami, passwd):
        app.command()(command)
    app.command("open")(open_page)


def ask_password(what: str, from_stdin: bool, *, again: bool = False) -> str:
    """Never from the command line, where everybody on the machine can read it."""
    if from_stdin:
        found = sys.stdin.readline().rstrip("\n")
        if not found:
            raise InvalidInput("standard input has no password; pipe it in, with a line end")
        return found
    return str(typer.prompt(what, hide_input=True, confirmation_prompt=again))


def _rights(who: dict[str, Any]) -> str:
    """What somebody may do, in a line."""
    parts = [f"everywhere {' '.join(who['everywhere'])}"] if who["everywhere"] else []
    parts += [f"in {name} {' '.join(held)}" for name, held in who["workspaces"].items()]
    return "; ".join(parts) or "nothing yet; ask to be let into a workspace"
