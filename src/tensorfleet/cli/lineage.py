"""How lineage looks: what led to what, one line each."""

from __future__ import annotations

import sys
from typing import Any

from tensorfleet.cli.output import print_table

_SAID = {
    "read": "was read by",
    "made": "made",
    "trial": "tried",
    "fork": "went on as",
    "replay": "was done again as",
}


def print_lineage(found: dict[str, Any]) -> None:
    named = {node["id"]: _name(node) for node in found["nodes"]}
    rows = [
        (named[edge["from"]], _SAID.get(edge["kind"], edge["kind"]), named[edge["to"]])
        for edge in found["edges"]
    ]
    alone = named.keys() - {end for edge in found["edges"] for end in (edge["from"], edge["to"])}
    rows += [(named[node], "", "") for node in named if node in alone]
    print_table(("from", "", "to"), rows, empty="Nothing is known of it.")
    if found["cut"]:
        sys.stdout.write("There is more than is shown.\n")


def _name(node: dict[str, Any]) -> str:
    if node["kind"] in ("job", "study"):
        return f"{node['kind']} {node['name']} {node['id']} ({node['status']})"
    aliases = f" ({', '.join(node['aliases'])})" if node["aliases"] else ""
    return f"{node['kind']} {node['name']}@{node['version']}{aliases}"
