"""The API's own description, as a gateway answers it, and the page of the documentation that is made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

PAGE = "api-reference.md"
MARK = "<!-- the reference -->"
METHODS = ("get", "post", "put", "patch", "delete")


def describe_api() -> dict[str, Any]:
    """`/api/openapi.json` of this version, without a socket."""
    with TemporaryDirectory() as home:
        return asyncio.run(_asked(Path(home)))


async def _asked(home: Path) -> dict[str, Any]:
    from tensorfleet.gateway.app import build_app
    from tensorfleet.settings import load_settings

    transport = httpx.ASGITransport(build_app(load_settings(home=home), "t" * 40))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/api/openapi.json")
    answer.raise_for_status()
    return dict(answer.json())


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """What MkDocs calls for each page: one of them gets the reference."""
    if page.file.src_uri != PAGE:
        return markdown
    assert MARK in markdown, f"{PAGE} has to have the line {MARK}"
    return markdown.replace(MARK, reference(describe_api()))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each operation: its method in capital letters, its path, itself."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def reference(document: dict[str, Any]) -> str:
    """Every operation as Markdown, by tag: what it takes, what it answers."""
    about = {tag["name"]: tag["description"] for tag in document["tags"]}
    by_tag: dict[str, list[str]] = {name: [] for name in about}
    for method, path, operation in operations(document):
        tag = (operation.get("tags") or ["other"])[0]
        by_tag.setdefault(tag, []).append(_section(method, path, operation))
    parts = [
        "\n\n".join([f"## {tag.capitalize()}", about.get(tag, ""), *sections])
        for tag, sections in by_tag.items()
        if sections
    ]
    return "\n\n".join([*parts, "## Schemas", *_schemas(document)])


def _schemas(document: dict[str, Any]) -> Iterator[str]:
    for name, schema in sorted(document["components"]["schemas"].items()):
        needed = schema.get("required", ())
        rows = [
            f"| `{field}`{'' if field in needed else ' (may be left out)'} | {_type(one)} | {_cell(one.get('description', ''))} |"
            for field, one in schema.get("properties", {}).items()
        ]
        table = "\n".join(["| field | | |", "|---|---|---|", *rows]) if rows else _type(schema)
        yield "\n\n".join([f"### {name} {{ #{_anchor(name)} }}", schema.get("description", ""), table])


def _anchor(name: str) -> str:
    return f"schema-{name.lower()}"


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    old = " (deprecated)" if operation.get("deprecated") else ""
    lines = [f"### `{method} {path}`{old} {{ #{operation['operationId']} }}", operation["description"]]
    if operation.get("parameters"):
        rows = [_parameter(one) for one in operation["parameters"]]
        lines.append("\n".join(["| parameter | | |", "|---|---|---|", *rows]))
    if "requestBody" in operation:
        lines.append(f"Body: {_contents(operation['requestBody'])}.")
    rows = [
        f"| {code} | {_cell(answer['description'])} | {_contents(answer)} |"
        for code, answer in operation["responses"].items()
        if int(code) < 400
    ]
    lines.append("\n".join(["| answer | | |", "|---|---|---|", *rows]))
    refusals = [code for code in operation["responses"] if int(code) >= 400]
    lines.append(f"`{operation['operationId']}` may be refused with {', '.join(refusals)}.")
    return "\n\n".join(lines)


def _parameter(one: dict[str, Any]) -> str:
    kind = _type(one["schema"])
    needed = ", required" if one.get("required") and one["in"] != "path" else ""
    return f"| `{one['name']}` | {one['in']}{needed}: {kind} | {_cell(one.get('description', ''))} |"


def _contents(part: dict[str, Any]) -> str:
    shown = [
        f"{_type(content.get('schema', {}))} (`{kind}`)" for kind, content in part.get("content", {}).items()
    ]
    return " or ".join(shown)


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{_anchor(name)})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            kinds = [_type(one) for one in schema[several] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = [f"{word} {schema[key]}" for key, word in _LIMITS.items() if key in schema]
    default = [f"default {schema['default']!r}"] if schema.get("default") not in (None, "") else []
    return ", ".join([str(schema.get("const", schema.get("type", "anything"))), *limits, *default])


_LIMITS = {"minimum": "from", "maximum": "to", "maxLength": "at most", "pattern": "as"}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
