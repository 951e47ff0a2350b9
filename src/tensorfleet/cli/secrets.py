"""`tensorfleet secrets`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson
from tensorfleet.errors import InvalidInput

app = typer.Typer(no_args_is_help=True, help="Keep secrets for jobs; nobody can read them again.")
Workspace = Annotated[
    str | None, typer.Option(help="Whose; that of TENSORFLEET_WORKSPACE, or default, if left out.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as hf-token.")]


@app.command("set")
def set_secret(
    name: Name,
    file: Annotated[Path | None, typer.Option(help="The file that has the value.")] = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Keep a value: from a file, from standard input, or asked for; never from the command line."""
    from tensorfleet.cli.output import emit_json

    value = _value(name, file)
    with session.connect() as client:
        found = client.secrets.set(name, value, workspace)
    if as_json:
        emit_json(found)
    else:
        sys.stdout.write(f"Set {found['name']} in {found['workspace']}, version {found['version']}.\n")


@app.command("list")
def list_secrets(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """List the secrets of a workspace, without their values."""
    from tensorfleet.cli.output import ago, emit_json, print_table

    with session.connect() as client:
        found = client.secrets.list(workspace)
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            one["name"],
            one["version"],
            ago(one["updated_at"]),
            one["updated_by"],
            ago(one["last_used_at"]) if one["last_used_at"] else "never",
        )
        for one in found
    ]
    empty = "There are no secrets; keep one with `tensorfleet secrets set NAME`."
    print_table(("name", "version", "set", "by", "used"), rows, empty=empty)


@app.command("delete")
def delete_secret(name: Name, workspace: Workspace = None) -> None:
    """Delete a secret; jobs that name it fail when they start next."""
    with session.connect() as client:
        client.secrets.delete(name, workspace)
    sys.stdout.write(f"Deleted {name}.\n")


@app.command("rotate")
def rotate_key(as_json: AsJson = False) -> None:
    """Seal all secrets of the platform with a new key; they can be used all the while."""
    from tensorfleet.cli.output import emit_json

    with session.connect() as client:
        found = client.secrets.rotate()
    if as_json:
        emit_json(found)
    else:
        sys.stdout.write(f"Sealed {found['resealed']} anew; the key is {found['key']} now.\n")
    if found["unreadable"]:
        sys.stderr.write(f"No key was found for {', '.join(found['unreadable'])}; set them again.\n")
        raise typer.Exit(1)


def _value(name: str, file: Path | None) -> str:
    """A line break at the end of a single line is an editor's, not the secret's; of several lines it is part."""
    if file is not None:
        try:
            text = file.read_text("utf-8")
        except OSError as error:
            raise InvalidInput(f"'{file}' cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:
            raise InvalidInput(f"'{file}' is no text; keep binary files in base64") from None
    elif sys.stdin.isatty():
        text = str(typer.prompt(name, hide_input=True, confirmation_prompt=True))
    else:
        text = sys.stdin.read()
    line = text.removesuffix("\n").removesuffix("\r")
    return line if "\n" not in line else text
