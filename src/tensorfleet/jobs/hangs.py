"""Which rank of a job holds the others up, and where: decided from where each of them stands."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from tensorfleet.jobs.stacks import Frame, Report
from tensorfleet.jobs.whereabouts import Doing, Whereabouts, whereabouts, worker_at

MOST_RANKS = 64
MOST_CULPRIT_FRAMES = 40
MOST_OTHER_FRAMES = 12
MOST_WORKERS = 4


@dataclass(frozen=True)
class Verdict:
    """`culprits`: the ranks at fault, the first one above all; none when nothing tells them from the others."""

    culprits: tuple[int, ...]
    line: str
    message: str
    evidence: dict[str, Any]


@dataclass(frozen=True)
class _Rank:
    report: Report
    where: Whereabouts

    @property
    def number(self) -> int:
        return self.report.rank


def diagnose(
    reports: Sequence[Report], *, silent: Collection[int] = (), ended: Collection[int] = ()
) -> Verdict | None:
    """Who is at fault when a job stands still; None while it may still get on.

    The rules, the first that applies:

    1. A rank gets on: no hang, unless the owner set the limit and a rank that waits for nobody has passed it.
    2. Ranks that wait for no other: of these, those that are furthest behind.
    3. Ranks that could not be asked, else ranks that have ended while the others wait for them.
    4. All wait for each other: the odd one out.  Of two, or of two equal parts, the one that is further on: it left out the
       call in which the other one waits.

    Args:
        reports: of the live ranks that answered.
        silent: live ranks that did not.
        ended: ranks that have ended already.
    """
    gang = len(reports) + len(silent) + len(ended)
    ranks = [_Rank(report, whereabouts(report, gang)) for report in sorted(reports, key=lambda r: r.rank)]
    stuck = [rank for rank in ranks if not rank.report.alive]
    free = [rank for rank in stuck if not rank.where.waits_for_ranks]
    gets_on = len(stuck) < len(ranks)
    if not stuck or (gets_on and not (free and all(rank.report.limit_is_set for rank in stuck))):
        return None
    if free:
        return _verdict(ranks, _furthest_behind(free), _why_free)
    absent = sorted(silent) or sorted(ended)
    if absent:
        return _absent_verdict(ranks, absent, "did not answer" if silent else "has ended")
    odd = _odd_ones(stuck)
    return _verdict(ranks, odd, _why_odd) if odd else _nobody(ranks)


def _furthest_behind(free: list[_Rank]) -> list[_Rank]:
    """Those with the lowest step, where all say theirs; the one that has stood for longest first."""
    steps = [rank.report.step for rank in free]
    behind = free if min(steps) < 0 else [rank for rank in free if rank.report.step == min(steps)]
    return sorted(behind, key=lambda rank: -rank.report.idle_s)


def _odd_ones(stuck: list[_Rank]) -> list[_Rank]:
    places: dict[str, list[_Rank]] = {}
    for rank in stuck:
        places.setdefault(f"{rank.where.at} {rank.where.within}", []).append(rank)
    groups = sorted(places.values(), key=len)
    if len(groups) > 1 and len(groups[-1]) > len(groups[-2]):
        return [rank for group in groups[:-1] for rank in group]
    first = stuck[0]
    ahead = [rank for rank in stuck if _is_further(rank, first)]
    if ahead:
        return [rank for rank in ahead if not any(_is_further(other, rank) for other in ahead)]
    return [first] if any(_is_further(first, rank) for rank in stuck) else []


def _is_further(one: _Rank, other: _Rank) -> bool:
    """By the steps that are done, else by the lines where the two stacks part, if that is in the same function."""
    steps = (one.report.step, other.report.step)
    if min(steps) >= 0 and steps[0] != steps[1]:
        return steps[0] > steps[1]
    for mine, theirs in zip(reversed(one.report.frames), reversed(other.report.frames), strict=False):
        if mine != theirs:
            same = (mine.file, mine.function) == (theirs.file, theirs.function)
            return same and mine.line > theirs.line
    return False


# ---- in words --------------------------------------------------------------------------------------------------------


def _verdict(ranks: list[_Rank], culprits: list[_Rank], why: Any) -> Verdict:
    first = culprits[0]
    message = f"{_named(culprits)} made no progress for {_pace(first)}: {why(ranks, culprits)}"
    line = str(first.where.at) if first.where.at else ""
    return Verdict(
        tuple(rank.number for rank in culprits),
        line,
        message,
        _evidence(ranks, [rank.number for rank in culprits], line),
    )


def _why_free(ranks: list[_Rank], culprits: list[_Rank]) -> str:
    first = culprits[0]
    told = ("it " if len(culprits) == 1 else f"rank {first.number} ") + _place(first.where)
    told += _of_workers(first)
    waiting = [rank for rank in ranks if rank.where.waits_for_ranks]
    if waiting:
        told += f"; {_named(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for it{_inside(waiting[0])}"
    return told


def _why_odd(ranks: list[_Rank], culprits: list[_Rank]) -> str:
    first = culprits[0]
    others = [rank for rank in ranks if rank not in culprits]
    told = f"it {_place(first.where)}"
    left_out = _is_further(first, others[0])
    rest = (
        f"a call that {_named(culprits)} left out" if left_out else "and makes a call that they do not make"
    )
    return f"{told}, while {_named(others)} {_place(others[0].where)}, {rest}"


def _absent_verdict(ranks: list[_Rank], absent: list[int], what: str) -> Verdict:
    first = ranks[0]
    who = ", ".join(f"rank {number}" for number in absent[:MOST_RANKS])
    message = f"{who} {what}, and {_named(ranks)} {_place(first.where)}, without progress for {_pace(first)}"
    return Verdict(tuple(absent), "", message, _evidence(ranks, absent, ""))


def _nobody(ranks: list[_Rank]) -> Verdict:
    first = ranks[0]
    message = (
        f"no rank made progress for {_pace(first)}: each {_place(first.where)};"
        " they all take part, so the connection between them may be at fault"
    )
    return Verdict((), str(first.where.at or ""), message, _evidence(ranks, [], str(first.where.at or "")))


def _named(ranks: list[_Rank]) -> str:
    if len(ranks) == 1:
        return f"rank {ranks[0].number}"
    shown = ", ".join(str(rank.number) for rank in ranks[:8])
    return f"ranks {shown}" + (f" and {len(ranks) - 8} more" if len(ranks) > 8 else "")


def _pace(rank: _Rank) -> str:
    usual_s = rank.report.usual_s
    return f"{rank.report.idle_s:.1f} s" + (f" (usually {usual_s:.2g} s a step)" if usual_s else "")


def _inside(rank: _Rank) -> str:
    return f" in {rank.where.within}" if rank.where.within else ""


def _place(where: Whereabouts) -> str:
    inside = f" in {where.within}" if where.within and where.doing is not Doing.LOADER else ""
    return f"{where.doing.value}{inside}" + (f" at {where.at}" if where.at else "")


def _of_workers(rank: _Rank) -> str:
    if rank.where.doing is not Doing.LOADER:
        return ""
    for process in rank.report.processes[1:]:
        at = worker_at(process)
        if at is not None and at.own:
            return f", whose worker process {process.pid} stands at {at}" + (
                f" ({at.source})" if at.source else ""
            )
    return ""


def _evidence(ranks: list[_Rank], culprits: list[int], line: str) -> dict[str, Any]:
    told = [rank for rank in ranks if rank.number in culprits]
    told += [rank for rank in ranks if rank.number not in culprits]
    longest = max(ranks, key=lambda rank: rank.report.idle_s).report
    return {
        "culprits": culprits[:MOST_RANKS],
        "line": line,
        "idle_s": round(longest.idle_s, 3),
        "usual_s": round(longest.usual_s, 4),
        "limit_s": round(longest.limit_s, 3),
        "ranks": [_rank_evidence(rank, rank.number in culprits) for rank in told[:MOST_RANKS]],
    }


def _rank_evidence(rank: _Rank, culprit: bool) -> dict[str, Any]:
    report, where = rank.report, rank.where
    most = MOST_CULPRIT_FRAMES if culprit else MOST_OTHER_FRAMES
    return {
        "rank": report.rank,
        "beats": report.beats,
        "step": report.step if report.step >= 0 else None,
        "idle_s": round(report.idle_s, 3),
        "doing": where.doing.value,
        "line": str(where.at) if where.at else "",
        "source": where.at.source if where.at else "",
        "call": where.within,
        "stack": _stack(report.frames, most),
        "workers": [
            {"pid": process.pid, "stack": _stack(process.frames, MOST_OTHER_FRAMES)}
            for process in report.processes[1 : 1 + MOST_WORKERS]
        ],
    }


def _stack(frames: Sequence[Frame], most: int) -> list[str]:
    return [str(frame) for frame in frames[:most]]
