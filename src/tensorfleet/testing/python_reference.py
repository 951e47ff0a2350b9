"""The reference of the Python client, made of its docstrings and their examples, which a test runs with both clients."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from tensorfleet.testing.examples import PYTHON, Example, by_name, read_examples
from tensorfleet.testing.sync_sdk import blocking

PAGE = "python-reference.md"
MARK = "<!-- the reference -->"
_PARTS = ("Args", "Returns", "Raises", "Attributes", "Yields")


def classes() -> dict[str, type]:
    """The classes of the asynchronous client, by their names in the blocking one: `Client` first, then its parts."""
    from tensorfleet import AsyncClient
    from tensorfleet.sdk.aio.jobs import AsyncJob
    from tensorfleet.sdk.aio.models import AsyncModel
    from tensorfleet.sdk.aio.studies import AsyncStudy

    parts = [
        type(part) for name, part in vars(AsyncClient("http://localhost")).items() if name != "transport"
    ]
    found = [AsyncClient, AsyncJob, AsyncStudy, AsyncModel, *parts]
    return {blocking(one.__name__): one for one in found}


def members() -> dict[str, Any]:
    """Every public method and property, as `Job.wait`; what a class has from another one counts there."""
    return {f"{name}.{key}": one for name, cls in classes().items() for key, one in _own(cls)}


def _own(cls: type) -> Iterator[tuple[str, Any]]:
    for key, one in vars(cls).items():
        if not key.startswith("_") and (inspect.isfunction(one) or isinstance(one, property)):
            yield key, one


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """What MkDocs calls for each page: one of them gets the reference."""
    return markdown.replace(MARK, reference()) if page.file.src_uri == PAGE else markdown


def reference() -> str:
    """All classes as Markdown: what their methods take, answer and raise, and an example of each."""
    examples = by_name(read_examples(PYTHON))
    parts = []
    for name, cls in classes().items():
        sections = [_section(name, key, one, examples.get(f"{name}.{key}", [])) for key, one in _own(cls)]
        parts.append("\n\n".join([f"## {name} {{ #{name.lower()} }}", _about(cls), *sections]))
    return "\n\n".join(parts)


def _section(cls: str, key: str, one: Any, examples: list[Example]) -> str:
    lines = [f"### `{cls}.{key}{_takes(one)}` {{ #{cls.lower()}-{key.replace('_', '-')} }}", _about(one)]
    for example in examples:
        plain = blocking(example.text)
        lines.append(f"```python\n{plain}\n```")
        if plain != example.text:
            lines.append(f"With `AsyncClient`:\n\n```python\n{example.text}\n```")
    return "\n\n".join(line for line in lines if line)


def _takes(one: Any) -> str:
    if isinstance(one, property):
        return ""
    parameters = list(inspect.signature(one).parameters.values())[1:]
    return str(inspect.Signature([item.replace(annotation=inspect.Parameter.empty) for item in parameters]))


def _about(one: Any) -> str:
    """Its docstring as Markdown: its parts as lists; what it shows of the interpreter is left out, for examples say that."""
    text = blocking(inspect.getdoc(one) or "")
    text = re.sub(r"^>>> .*(\n\.\.\. .*)*\n?", "", text, flags=re.MULTILINE)
    lines = []
    for line in text.splitlines():
        title = line.removesuffix(":")
        if title in _PARTS and line.endswith(":"):
            lines += [f"*{title}*", ""]
        elif line.startswith("    "):
            lines.append(f"- {line.strip()}" if not line.startswith("     ") else line)
        else:
            lines.append(line)
    return "\n".join(lines).strip()
