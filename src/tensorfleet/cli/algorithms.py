"""`tensorfleet algorithms`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson

_LIMITS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def show(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One algorithm, with its hyperparameters.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the built-in algorithms, or one with its hyperparameters."""
    from tensorfleet.cli.output import emit_json
    from tensorfleet.errors import NotFound, nearest

    with session.connect() as client:
        found = {item["name"]: item for item in client.algorithms()}
    if name is None:
        emit_json(list(found.values())) if as_json else _list(list(found.values()))
        return
    if name not in found:
        raise NotFound(f"there is no algorithm '{name}'; {nearest(name, found)}")
    emit_json(found[name]) if as_json else _one(found[name])


def _list(found: list[dict[str, Any]]) -> None:
    from tensorfleet.cli.output import print_table

    rows = [
        (
            item["name"],
            ", ".join(task.replace("_", " ") for task in item["tasks"]),
            "several" if item["distributes"] else "one",
            item["library"],
            item["summary"],
        )
        for item in found
    ]
    headers = ("name", "tasks", "workers", "library", "description")
    print_table(headers, rows, empty="There are no algorithms.")


def _one(item: dict[str, Any]) -> None:
    from tensorfleet.cli.output import print_pairs, print_table

    pairs = [
        ("does", item["summary"]),
        ("tasks", ", ".join(task.replace("_", " ") for task in item["tasks"])),
        ("workers", "several can train one model" if item["distributes"] else "one"),
        ("library", item["library"]),
    ]
    print_pairs(item["name"], pairs)
    schema = item["schema"]
    rows = [
        (field, typed(about, schema.get("$defs", {})), _value(item["defaults"][field]), about.get("description", ""))
        for field, about in schema.get("properties", {}).items()
    ]  # fmt: skip
    headers = ("hyperparameter", "type and limits", "default", "description")
    print_table(headers, rows, empty="It has no hyperparameters.")


def typed(about: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A JSON schema in a few words: `integer >= 1 or null`, `sqrt | log2`."""
    if "$ref" in about:
        return typed(definitions.get(about["$ref"].rpartition("/")[2], {}), definitions)
    if "anyOf" in about:
        return " or ".join(dict.fromkeys(typed(one, definitions) for one in about["anyOf"]))
    if "const" in about or "enum" in about:
        return " | ".join(str(value) for value in about.get("enum", [about.get("const")]))
    if about.get("type") == "array":
        return f"list of {typed(about.get('items', {}), definitions)}"
    limits = [f"{sign} {about[key]:g}" for key, sign in _LIMITS.items() if key in about]
    return " ".join([str(about.get("type", "any")), *limits])


def _value(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)
