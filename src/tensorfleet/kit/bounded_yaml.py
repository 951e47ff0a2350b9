"""YAML from outside: a short text cannot become a large value, nor one that is too deep to be walked through.

Aliases alone share what they stand for.  Merge keys (`<<`) copy it: ten lines of them would make a billion entries.
"""

from __future__ import annotations

from typing import Any

import yaml

MOST_DEPTH = 64
_MOST_MERGED = 20
_MOST_KEYS = 10_000
_MERGE = "tag:yaml.org,2002:merge"


class BoundedLoader(yaml.SafeLoader):
    """SafeLoader that refuses what is nested more than 64 deep, and mappings that merge without measure."""

    def __init__(self, stream: str | bytes) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise yaml.MarkedYAMLError(
                problem="it is nested too deeply",
                problem_mark=self.peek_event().start_mark,  # type: ignore[no-untyped-call]
            )
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        merged = [value for key, value in node.value if key.tag == _MERGE]
        if any(isinstance(one, yaml.SequenceNode) and len(one.value) > _MOST_MERGED for one in merged):
            raise _merges_too_much(node)
        super().flatten_mapping(node)
        if merged and len(node.value) > _MOST_KEYS:
            raise _merges_too_much(node)


def load_bounded(text: str | bytes) -> Any:
    """
    Raises:
        yaml.YAMLError: it is no YAML, or more than is good for anybody.
    """
    loader = BoundedLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _merges_too_much(node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(
        problem="a mapping here merges too many entries", problem_mark=node.start_mark
    )
