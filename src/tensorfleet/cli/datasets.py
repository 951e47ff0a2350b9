"""`tensorfleet datasets`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tensorfleet.cli import completing, session
from tensorfleet.cli.session import AsJson

app = typer.Typer(no_args_is_help=True, help="Add and read datasets.")

DatasetRef = Annotated[
    str,
    typer.Argument(
        metavar="NAME[@VERSION]",
        help="A dataset, the latest version of it or one.",
        autocompletion=completing.datasets,
    ),
]


@app.command()
def add(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_URL",
            help="A CSV or Parquet file, or its address; or a folder (.zip, .tar) with a sub-folder of pictures or texts for"
            " each class.",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="The dataset's name; the file's when left out.")] = None,
    target: Annotated[str | None, typer.Option(help="The column that models shall predict.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a file as a dataset, or as a new version of one; goes on where a broken upload stopped."""
    from tensorfleet.cli.output import emit_json

    with session.connect() as client, session.transfers() as step:
        version = client.datasets.add(
            source, name, target=target, progress=step(f"sending {Path(source).name}")
        )
    if as_json:
        emit_json(version)
        return
    columns = version.get("columns") or []
    sys.stdout.write(
        f"{version['name']}@{version['version']}  {version['rows']} rows, {len(columns)} columns, "
        f"target {version.get('target') or 'not known'}\n"
    )


@app.command("list")
def list_datasets(as_json: AsJson = False) -> None:
    """List the datasets."""
    from tensorfleet.cli.output import ago, emit_json, print_table

    with session.connect() as client:
        found = client.datasets.list()
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            item["name"],
            _or_nothing(item.get("latest_version")),
            ago(item.get("created_at")),
            str(item.get("description") or ""),
        )
        for item in found
    ]
    headers = ("name", "latest", "added", "description")
    print_table(
        headers, rows, empty="There are no datasets yet; add one with `tensorfleet datasets add FILE`."
    )


@app.command()
def show(
    ref: DatasetRef,
    rows: Annotated[
        int | None, typer.Option("--rows", min=1, max=200, help="Show so many of its rows instead.")
    ] = None,
    offset: Annotated[int, typer.Option("--offset", min=0, help="With --rows: from this row on.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show a version: its size, its columns, its target; or some of its rows."""
    if rows is not None:
        _show_rows(ref, rows, offset, as_json)
    else:
        _show_version(ref, as_json)


def _show_rows(ref: str, count: int, offset: int, as_json: bool) -> None:
    from tensorfleet.cli.output import emit_json, print_table

    name, version = parse_ref(ref)
    with session.connect() as client:
        found = client.datasets.rows(name, version, offset=offset, limit=count)
    if as_json:
        emit_json(found)
        return
    shown = [tuple(_cell(cell) for cell in row) for row in found["rows"]]
    print_table(
        tuple(found["columns"]), shown, empty=f"It has {found['total']} rows, and none from there on."
    )


def _cell(cell: Any) -> str:
    return f"{cell['bytes']} bytes" if isinstance(cell, dict) else _or_nothing(cell)


def _show_version(ref: str, as_json: bool) -> None:
    from tensorfleet.cli.output import ago, emit_json, print_pairs, print_table

    with session.connect() as client:
        version = client.datasets.version(*parse_ref(ref))
    if as_json:
        emit_json(version)
        return
    pairs = [
        ("rows", str(version["rows"])),
        ("size", _size(version)),
        ("format", str(version["format"])),
        ("target", str(version.get("target") or "not known")),
        ("digest", str(version["digest"])),
        ("added", ago(version.get("created_at"))),
    ]
    print_pairs(f"{version['name']}@{version['version']}", pairs)
    sys.stdout.write("\n")
    rows = [
        (column["name"], column["type"], str(column.get("missing", "")), _or_nothing(column.get("unique")))
        for column in version.get("columns") or []
    ]
    print_table(("column", "type", "missing", "different"), rows, empty="It has no columns.")


@app.command()
def download(
    ref: DatasetRef,
    to: Annotated[str | None, typer.Option("--to", help="A file or folder; here when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Download a version's file; goes on where a broken download stopped."""
    from tensorfleet.cli.output import emit_json

    name, version = parse_ref(ref)
    with session.connect() as client, session.transfers() as step:
        path = client.datasets.download(name, version, to, progress=step(f"receiving {ref}"))
    if as_json:
        emit_json({"path": str(path), "bytes": path.stat().st_size})
    else:
        sys.stdout.write(f"{path}\n")


@app.command()
def lineage(ref: DatasetRef, as_json: AsJson = False) -> None:
    """Show which jobs have read a dataset, of all versions or of one, and which models came of them."""
    from tensorfleet.cli.lineage import print_lineage
    from tensorfleet.cli.output import emit_json

    with session.connect() as client:
        found = client.datasets.lineage(*parse_ref(ref))
    if as_json:
        emit_json(found)
    else:
        print_lineage(found)


def parse_ref(ref: str) -> tuple[str, int | None]:
    """`digits@2` as name and version; the version is None where none is written.

    Raises:
        BadParameter: the version is not a number.
    """
    name, at, version = ref.partition("@")
    if at and not version.isdecimal():
        raise typer.BadParameter(f"'{ref}' is not NAME or NAME@VERSION", param_hint="NAME[@VERSION]")
    return name, int(version) if at else None


def _size(item: dict[str, Any]) -> str:
    from tensorfleet.kit.units import format_bytes

    return format_bytes(float(item["bytes"])) if item.get("bytes") is not None else ""


def _or_nothing(value: object) -> str:
    return "" if value is None else str(value)
