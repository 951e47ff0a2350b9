"""How `tensorfleet workers scaling` looks."""

from __future__ import annotations

import sys
from typing import Any

from tensorfleet.cli.output import ago, print_pairs, print_table


def print_scaling(found: dict[str, Any]) -> None:
    state, settings = found["state"], found["settings"]
    if not found["enabled"]:
        sys.stdout.write("Autoscaling is off; set autoscale.enabled in tensorfleet.yaml.\n")
    elif state is None:
        sys.stdout.write(
            "Nobody has looked at the fleet's size yet; the orchestrator does so when it leads.\n"
        )
    else:
        print_pairs("autoscaling", _pairs(state, settings))
    rows = [
        (ago(one["at"]), one["action"], str(one["signal"]["desired"]), one["reason"])
        for one in found["decisions"]
    ]
    print_table(("when", "did", "workers", "because"), rows, empty="It has changed nothing yet.")


def _pairs(state: dict[str, Any], settings: dict[str, Any]) -> list[tuple[str, str]]:
    signal = state["signal"]
    by_type = ", ".join(f"{count} {name}" for name, count in state["target"].items() if count)
    held = [] if state["held"] is None else [("set by hand", f"{state['held']} workers")]
    return [
        ("wants", f"{signal['desired']} workers" + (f" ({by_type})" if by_type else "")),
        ("has", f"{signal['workers']}, of {settings['min']} to {settings['max']}"),
        *held,
        ("load", f"{signal['load']:.2f}"),
        ("waiting", f"{signal['queue']} jobs"),
        ("because", state["reason"]),
        *(("not for", note) for note in state["notes"]),
        ("looked", ago(state["at"])),
    ]
