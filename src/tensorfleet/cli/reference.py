"""The reference of the command line, made of the commands themselves and their examples."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from tensorfleet.testing.examples import COMMANDS, FILES, Example, by_name, read_examples

Words = tuple[str, ...]
PAGE = "command-reference.md"
MARK = "<!-- the reference -->"
_KINDS = {"int": "NUMBER", "float": "NUMBER", "Path": "PATH", "datetime": "TIME"}


def commands() -> dict[str, Any]:
    """Every command that a person can call, by its words: `jobs show`."""
    import typer.main

    from tensorfleet.cli.main import app

    return {" ".join(words): one for words, one in _walk(typer.main.get_command(app), ())}


def _walk(command: Any, words: Words) -> Iterator[tuple[Words, Any]]:
    if not hasattr(command, "commands"):
        yield words, command
        return
    for name, one in command.commands.items():
        if not one.hidden:
            yield from _walk(one, (*words, name))


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """What MkDocs calls for each page: one of them gets the reference."""
    return markdown.replace(MARK, reference()) if page.file.src_uri == PAGE else markdown


def reference() -> str:
    """All commands as Markdown, by group: what they take, and an example that a test runs."""
    examples = by_name(read_examples(COMMANDS))
    groups: dict[str, list[str]] = {"": []}
    for name, command in commands().items():
        group = name.rpartition(" ")[0]
        groups.setdefault(group, []).append(_section(name, command, examples.get(name, [])))
    parts = [
        "\n\n".join([f"## {f'`tensorfleet {group}`' if group else 'Single commands'}", *sections])
        for group, sections in groups.items()
    ]
    return "\n\n".join([*parts, _files()])


def _section(name: str, command: Any, examples: list[Example]) -> str:
    usage = [_usage(one) for one in command.params if one.param_type_name == "argument"]
    lines = [
        f"### `{' '.join(['tensorfleet', name, *usage])}` {{ #{name.replace(' ', '-')} }}",
        " ".join(str(command.help or "").split()),
    ]
    lines += [f"```bash\n{example.text}\n```" for example in examples]
    rows = [_row(one) for one in command.params if one.name != "help"]
    if rows:
        lines.append("\n".join(["| takes | | |", "|---|---|---|", *rows]))
    return "\n\n".join(lines)


def _usage(one: Any) -> str:
    name = str(one.metavar or one.name.upper()).strip("[]")
    return name if one.required else f"[{name}]"


def _row(one: Any) -> str:
    if one.param_type_name == "argument":
        names = _usage(one)
    else:
        value = "" if one.is_flag else f" {one.metavar or _kind(one.type_descriptor.annotation)}"
        names = ", ".join([*one.opts, *one.secondary_opts]) + value
    default = "" if one.default in (None, False, "", ()) or callable(one.default) else f"{one.default}"
    kind = "required" if one.required else f"default `{default}`" if default else ""
    return f"| `{_cell(names)}` | {_cell(one.help or '')} | {kind} |"


def _kind(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "|".join(str(one.value) for one in annotation)
    return _KINDS.get(getattr(annotation, "__name__", ""), "TEXT")


def _files() -> str:
    """The files that the examples read."""
    lines = ["## The files of the examples", "They lie in `examples/reference/files`."]
    for path in sorted(path for path in FILES.rglob("*") if path.suffix in (".yaml", ".csv", ".py")):
        kind = {".yaml": "yaml", ".py": "python"}.get(path.suffix, "text")
        lines.append(f"`{path.relative_to(FILES)}`:\n\n```{kind}\n{path.read_text().strip()}\n```")
    return "\n\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
