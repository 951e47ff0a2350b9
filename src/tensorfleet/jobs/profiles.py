"""What the profiles of a job's ranks say, in figures and in one sentence.  A task's own code may have had a hand in them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tensorfleet.kit.storable import storable_text

MOST_BYTES = 64 * 1024
MOST_PHASES = 40
MOST_OPERATORS = 50
WORTH_TELLING = 0.25
"""A phase's share of a step from which on it is named as what to work on, computing apart."""

_ADVICE = {
    "data": (
        "waits for data",
        "read ahead and in parallel (num_workers of a DataLoader, resources.cpus), or prepare the data once before",
    ),
    "communication": (
        "goes into averaging gradients, waiting for slower ranks included",
        "use larger batches or fewer workers",
    ),
    "saving": ("goes into saving", "save less often (checkpoint in the job file)"),
    "evaluation": ("goes into evaluation", "evaluate less often, or on fewer rows"),
    "optimiser": (
        "goes into the optimiser",
        "use larger batches (fewer steps), or a fused optimiser (fused=True)",
    ),
    "other": (
        "is none of the parts that are told apart, such as Python code between them",
        'mark parts of your own code with train.phase("name")',
    ),
}
_COMPUTING = ("forward", "backward")
_COMPUTES = (
    "computes (forward and backward)",
    "that is what it is for: larger batches, precision: bf16, compile, more cpus or a GPU make it faster",
)


@dataclass(frozen=True)
class RankProfile:
    """One rank's: seconds by phase over so many steps, or over the whole job; `operators` are those that took longest."""

    rank: int
    unit: str
    steps: int
    seconds: float
    phases: Mapping[str, float]
    operators: tuple[dict[str, Any], ...] = ()
    trace: dict[str, Any] | None = None
    note: str = ""


def trace_key(job_id: str, attempt: int, rank: int) -> str:
    """Where in the object store a rank's trace lies, in Chrome's format, gzipped."""
    return f"profiles/{job_id}/{attempt}/{rank}.json.gz"


def is_sound(record: Mapping[str, Any]) -> bool:
    """Whether a record is worth an entry in the log."""
    found = record.get("profile")
    try:
        return isinstance(found, dict) and len(json.dumps(found, allow_nan=False)) <= MOST_BYTES
    except (ValueError, RecursionError):
        return False


def read_profile(rank: int, found: Mapping[str, Any]) -> RankProfile:
    """A rank's profile as it was told; what makes no sense in it is left out."""
    phases = found.get("phases")
    named = list(phases.items())[:MOST_PHASES] if isinstance(phases, dict) else []
    listed = found.get("operators")
    operators = listed[:MOST_OPERATORS] if isinstance(listed, list) else []
    return RankProfile(
        rank=rank,
        unit="job" if found.get("unit") == "job" else "step",
        steps=int(_number(found.get("steps"))),
        seconds=_number(found.get("seconds")),
        phases={_text(name): _number(value) for name, value in named},
        operators=tuple(_operator(one) for one in operators if isinstance(one, dict)),
        trace=_trace(found.get("trace")),
        note=_text(found.get("note")),
    )


def describe(ranks: Sequence[RankProfile]) -> dict[str, Any]:
    """`{unit, sentence, ms, phases, ranks}`; the phases are the means over the ranks, the longest first."""
    ranks = sorted(ranks, key=lambda one: one.rank)
    measured = [one for one in ranks if one.steps > 0 and one.seconds > 0]
    shown = [_rank_in_figures(one) for one in ranks]
    if not measured:
        note = next((one.note for one in ranks if one.note), "nothing was measured")
        return {
            "unit": "step",
            "sentence": f"There is no profile: {note}",
            "ms": None,
            "phases": [],
            "ranks": shown,
        }
    names = {name for one in measured for name in one.phases}
    means = {
        name: math.fsum(one.phases.get(name, 0.0) / one.steps for one in measured) / len(measured)
        for name in names
    }
    whole = math.fsum(one.seconds / one.steps for one in measured) / len(measured)
    return {
        "unit": measured[0].unit,
        "sentence": _sentence(measured, means, whole),
        "ms": round(whole * 1000, 3),
        "phases": _in_figures(means, whole),
        "ranks": shown,
    }


def _sentence(ranks: Sequence[RankProfile], means: Mapping[str, float], whole: float) -> str:
    """What to work on: the largest phase that is not computing, if it is large, else that it computes."""
    if ranks[0].unit == "job":
        name = max(means, key=lambda one: means[one], default="")
        return f"{means.get(name, 0) / whole:.0%} of the job is {name or 'not told apart'}."
    shares = {name: value / whole for name, value in means.items() if name not in _COMPUTING}
    largest = max(shares, key=lambda one: shares[one], default="")
    if largest and shares[largest] >= WORTH_TELLING:
        what, advice = _ADVICE.get(largest, (f"is {largest}", "it was marked so by the code itself"))
        return f"{shares[largest]:.0%} of a step {what}: {advice}.{_slowest(ranks, largest)}"
    share = sum(means.get(name, 0.0) for name in _COMPUTING) / whole
    what, advice = _COMPUTES
    return f"{share:.0%} of a step {what}: {advice}."


def _slowest(ranks: Sequence[RankProfile], largest: str) -> str:
    """Of ranks that wait for each other: the one that waits least is the one that the others wait for."""
    if largest != "communication" or len(ranks) < 2:
        return ""
    waits = sorted(ranks, key=lambda one: one.phases.get(largest, 0.0) / one.steps)
    least, most = (one.phases.get(largest, 0.0) / one.steps for one in (waits[0], waits[-1]))
    if least * 2 > most:
        return ""
    return f" Rank {waits[0].rank} waits least: the others wait for it."


def _rank_in_figures(one: RankProfile) -> dict[str, Any]:
    steps = max(1, one.steps)
    each = {name: value / steps for name, value in one.phases.items()}
    return {
        "rank": one.rank,
        "steps": one.steps,
        "ms": round(one.seconds / steps * 1000, 3),
        "phases": _in_figures(each, one.seconds / steps),
        "operators": list(one.operators),
        "trace": one.trace,
        "note": one.note or None,
    }


def _in_figures(seconds: Mapping[str, float], whole: float) -> list[dict[str, Any]]:
    ordered = sorted(seconds.items(), key=lambda pair: -pair[1])
    return [
        {"name": name, "ms": round(value * 1000, 4), "share": round(value / whole, 4) if whole > 0 else 0.0}
        for name, value in ordered
    ]


def _operator(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": _text(found.get("name")),
        "ms": _number(found.get("ms")),
        "calls": int(_number(found.get("calls"))),
    }


def _trace(found: Any) -> dict[str, Any] | None:
    if not isinstance(found, dict):
        return None
    sha256 = _text(found.get("sha256"))
    if len(sha256) != 64 or not sha256.isalnum():
        return None
    counts = {name: int(_number(found.get(name))) for name in ("bytes", "steps")}
    return {"sha256": sha256, **counts}


def _number(value: Any) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
    return float(value) if good else 0.0


def _text(value: Any) -> str:
    return storable_text(" ".join(str(value)[:300].split())) if value is not None else ""
