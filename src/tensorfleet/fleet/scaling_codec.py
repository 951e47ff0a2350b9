"""Memories and decisions as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from tensorfleet.kit.clock import parse_rfc3339, rfc3339
from tensorfleet.scaling.model import Awaited, Decision, Memory, Size

_INSTANTS = ("busy_at", "changed_at", "spot_lost_at", "failed_at")


def memory_to_dict(memory: Memory) -> dict[str, Any]:
    return {
        "awaited": {w: [found.type_name, rfc3339(found.since)] for w, found in memory.awaited.items()},
        "going": {w: rfc3339(since) for w, since in memory.going.items()},
        "sick": {w: rfc3339(since) for w, since in memory.sick.items()},
        "released": {w: rfc3339(since) for w, since in memory.released.items()},
        "joined": dict(memory.joined),
        "sizes": {name: asdict(size) for name, size in memory.sizes.items()},
        "target": dict(memory.target),
        "failures": memory.failures,
        "held": memory.held,
        **{name: rfc3339(getattr(memory, name)) for name in _INSTANTS},
    }


def memory_of(data: Mapping[str, Any]) -> Memory:
    """The memory of an earlier life.

    All agents that were being released are released again at the first look: nobody knows how far that had come.
    """
    return Memory(
        awaited={w: Awaited(name, parse_rfc3339(since)) for w, (name, since) in data["awaited"].items()},
        going={w: parse_rfc3339(since) for w, since in data["going"].items()},
        sick={w: parse_rfc3339(since) for w, since in data.get("sick", {}).items()},
        released=dict.fromkeys(data["released"], LONG_AGO),
        joined=data["joined"],
        sizes={name: Size(**size) for name, size in data["sizes"].items()},
        target=data["target"],
        failures=data["failures"],
        held=data["held"],
        **{name: parse_rfc3339(data[name]) if data[name] else None for name in _INSTANTS},
    )


LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def decision_to_dict(decision: Decision) -> dict[str, Any]:
    """What a decision says to people and programs."""
    return {
        "action": decision.action.value,
        "reason": decision.reason,
        "target": {name or "not launched": count for name, count in decision.target.items()},
        "starts": dict(decision.starts),
        "drains": list(decision.drains),
        "keeps": list(decision.keeps),
        "releases": list(decision.releases),
        "notes": list(decision.notes),
        "signal": asdict(decision.signal),
    }
