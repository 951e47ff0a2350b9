"""`tensorfleet models`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tensorfleet.cli import completing, session
from tensorfleet.cli.session import AsJson

app = typer.Typer(no_args_is_help=True, help="See, promote and download registered models.")

ModelRef = Annotated[
    str,
    typer.Argument(
        metavar="NAME[@VERSION]",
        help="A model: the latest version, or one by number or alias.",
        autocompletion=completing.models,
    ),
]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the registered models."""
    from tensorfleet.cli.output import ago, emit_json, print_table

    with session.connect() as client:
        found = client.models.list()
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            item["name"],
            str(item["latest_version"]),
            ", ".join(f"{alias}: {version}" for alias, version in (item.get("aliases") or {}).items()),
            ago(item.get("updated_at")),
        )
        for item in found
    ]
    empty = "There are no models yet; a job registers one when it completes."
    print_table(("name", "latest", "aliases", "changed"), rows, empty=empty)


@app.command()
def show(ref: ModelRef, as_json: AsJson = False) -> None:
    """Show a version, and which others there are."""
    from tensorfleet.cli.output import ago, emit_json, print_pairs, values
    from tensorfleet.kit.units import format_bytes

    name, wanted = split_ref(ref)
    with session.connect() as client:
        model = client.models.get(name, wanted)
        others = [] if as_json else client.models.versions(name)
    if as_json:
        emit_json(model.data)
        return
    data = model.data
    size = format_bytes(sum(float(file["bytes"]) for file in model.files))
    pairs = [
        ("aliases", ", ".join(data.get("aliases") or [])),
        ("metrics", values(data.get("metrics") or {})),
        ("job", str(data.get("job_id") or "")),
        ("files", f"{len(model.files)}, {size}"),
        ("formats", "; ".join(_format(one) for one in model.formats)),
        ("source", str(data.get("source") or "")),
        ("registered", ago(data.get("created_at"))),
        ("versions", ", ".join(str(other.version) for other in others)),
    ]
    print_pairs(f"{model.name} version {model.version}", pairs)


@app.command()
def card(ref: ModelRef, as_json: AsJson = False) -> None:
    """Print a version's card, as Markdown: what it is for, its data, metrics, formats and provenance."""
    from tensorfleet.cli.output import emit_json, lines

    name, wanted = split_ref(ref)
    with session.connect() as client:
        model = client.models.get(name, wanted)
        text = model.card()
    if as_json:
        emit_json({"name": model.name, "version": model.version, "card": text})
    else:
        sys.stdout.write(lines(text))


@app.command()
def promote(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=completing.models)],
    version: Annotated[int, typer.Argument(min=1)],
    alias: Annotated[str, typer.Option(help="The alias that shall point at the version.")] = "production",
    as_json: AsJson = False,
) -> None:
    """Point an alias at a version."""
    from tensorfleet.cli.output import emit_json

    with session.connect() as client:
        client.models.promote(name, version, alias)
    if as_json:
        emit_json({"name": name, "alias": alias, "version": version})
    else:
        sys.stdout.write(f"{name}@{alias} is now version {version}\n")


@app.command()
def download(
    ref: ModelRef,
    to: Annotated[Path | None, typer.Option("--to", help="A folder; NAME-VERSION when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Download a version: an MLflow model folder."""
    from tensorfleet.cli.output import emit_json

    name, wanted = split_ref(ref)
    with session.connect() as client, session.transfers() as step:
        model = client.models.get(name, wanted)
        folder = to or Path(f"{model.name}-{model.version}")
        model.download(folder, progress=step(f"receiving {model.name} version {model.version}"))
    if as_json:
        emit_json({"path": str(folder), "files": model.files})
    else:
        sys.stdout.write(f"{folder}\n")


@app.command()
def lineage(ref: ModelRef, as_json: AsJson = False) -> None:
    """Show which jobs a model came of, of all versions or of one, and what these have read and gone on from."""
    from tensorfleet.cli.lineage import print_lineage
    from tensorfleet.cli.output import emit_json

    name, wanted = split_ref(ref)
    with session.connect() as client:
        version = None if wanted is None else client.models.get(name, wanted).version
        found = client.models.lineage(name, version)
    if as_json:
        emit_json(found)
    else:
        print_lineage(found)


def _format(one: dict[str, Any]) -> str:
    if one.get("file") is None:
        return f"{one['format']}: not published, {one.get('reason')}"
    return f"{one['file']}, the same on {one['rows']} rows"


def split_ref(ref: str) -> tuple[str, str | None]:
    """`digits@production` as name and version or alias; None where none is written."""
    name, _, version = ref.partition("@")
    return name, version or None
